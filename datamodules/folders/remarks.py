"""What looks wrong with the way images are shared out between classes and splits, a sentence each."""

from collections.abc import Sequence

from datamodules.base import SPLITS, SplitName
from datamodules.folders.layouts import named, shown

JUDGED_BY = 36


def on_copies(
    names: Sequence[str], y: Sequence[int], side: Sequence[SplitName], copies: Sequence[Sequence[int]]
) -> list[str]:
    """Copies in several splits, and copies under two labels.

    Args:
        names: of the images' files.
        y: their classes.
        side: their splits.
        copies: positions of files with the same bytes.
    """
    apart = [group for group in copies if len({side[p] for p in group}) > 1]
    torn = [group for group in copies if len({y[p] for p in group}) > 1]
    remarks = []
    if apart:
        pairs = [(p, home) for group in apart for home in [_home(group, side)] for p in group if side[p] != side[home]]
        copy, original = (shown(names[p]) for p in pairs[0])
        remarks.append(f"{len(pairs):,} images are copies of one in another split, first {copy} of {original}")
    if torn:
        first = next(p for p in torn[0] if y[p] != y[torn[0][0]])
        n = sum(map(len, torn))
        remarks.append(f"{n:,} files have a copy in another class, first {named([names[torn[0][0]], names[first]])}")
    return remarks


def on_groups(side: Sequence[SplitName], groups: Sequence[Sequence[int]]) -> list[str]:
    """Groups, such as patients, with images in several splits."""
    apart = [group for group in groups if len({side[p] for p in group}) > 1]
    images = sum(map(len, apart))
    return [f"{len(apart):,} of the {len(groups):,} groups, {images:,} images, are in several splits"] if apart else []


def on_absent_classes(y: Sequence[int], side: Sequence[SplitName], class_names: Sequence[str]) -> list[str]:
    """Splits that lack a class."""
    there = set(zip(side, y, strict=True))
    absent = {split: [n for label, n in enumerate(class_names) if (split, label) not in there] for split in SPLITS}
    return [f"{split} lacks {named(lacking)}" for split, lacking in absent.items() if lacking]


def on_few(val: int) -> list[str]:
    """Fewer validation images than certificates take, of which a third sets units and 24 judge."""
    return [f"val has {val} images, and certificates take {JUDGED_BY}"] if val < JUDGED_BY else []


def _home(group: Sequence[int], side: Sequence[SplitName]) -> int:
    """The copy that the others are copies of: one of the training split, if it holds any."""
    return min(group, key=lambda p: SPLITS.index(side[p]))
