"""A user's own images: one folder a class."""

import os
from pathlib import Path
from typing import Any

import torch

from datamodules.base import LARGEST_SIZE, SPLITS, DataModule, Split, SplitName, shares
from datamodules.folders.attribute_table import AttributeTable, read_table
from datamodules.folders.copies import same_bytes
from datamodules.folders.groups import groups_of
from datamodules.folders.inspection import inspect_images
from datamodules.folders.layouts import counted, readable, shown, understood
from datamodules.folders.remarks import JUDGED_BY, on_absent_classes, on_copies, on_few, on_groups
from datamodules.folders.splitting import assign_splits, together
from datamodules.images.file_split import FileSplit
from datamodules.images.reading import Background
from networks.checks import each, seeds, whole
from networks.errors import InputError

SHARE, LARGEST_SHARE = 0.1, 0.25  # of val and of test
ENOUGH = 40  # images of val, by which certificates can judge, and of test, whose shares have intervals


class ImageFolder(DataModule):
    """``root/{train,val,test}/class/*.png|jpg``, or ``root/class/*.png|jpg`` split by seed.

    Splits may be spelled otherwise (``Training``, ``valid``, ``test_set``), and lie inside the class folders. Where
    there is a train split alone, or no val or no test, the missing ones are cut from train: by seed, every class in
    its share, copies of a file on one side. What was understood, left out or looks wrong is in ``described()``, which
    both programs print before they do anything. Hidden files and folders are skipped; links are followed.

    Classes are the folders' names in alphabetical order, and images lie in a fixed order that mixes
    them. Images are resized (the shorter side) and centre-cropped to ``size``. See ``DataModule`` for
    the common arguments.

    Args:
        root: the folder.
        size: pixels a side, or height and width; ``None`` for squares of the images' own shorter side (the median of
            some of them, down to a multiple of four, above 32 of eight), 64 at most: what a chart can be trained on
            without a GPU.
        grey: one channel instead of three; ``None`` for one where the images (some of them) have no colour.
        fractions: shares of train, val and test where the folder has no such split; ``None`` for 0.8, 0.1 and 0.1, and
            of 144 to 400 images for 40 each in val and test, a quarter at most: fewer can judge nothing.
        seed: of that split.
        class_level: 2 where not the first folders below the root (or the split's folder) name the classes, but those
            inside them; ``None`` for the first, and refuse where either would do.
        group_by: what must not be divided between splits, such as the images of one patient: a pattern for the paths
            below ``root`` with the group's name in brackets (``'(person[0-9]+)_'``), or a CSV file of two columns, file
            and group. In splits that the folder brings, groups on two sides are counted.
        attributes: what else is known of the images: a CSV file whose first column holds their paths below ``root`` (or
            names), and every other one an attribute, of 0 and 1, −1 and 1, true and false, or measured numbers.
        background: what lies below transparent images: a grey value or red, green and blue, 0 to 1.
        value_range: the numbers in the files that become intensities 0 and 1, such as [-160, 240]; ``None`` for 0 and
            255 where they have 8 bits, DICOM's own window, and a range found in the images for others (``Reading``).

    Raises:
        InputError: no such folder, no images, fewer than two classes, classes that train does not have, a layout
            that may mean two things, images without a group or attributes, or a file that is no image (with its path).
    """

    def __init__(
        self,
        root: str,
        size: int | tuple[int, int] | None = None,
        grey: bool | None = None,
        fractions: tuple[float, float, float] | None = None,
        seed: int = 0,
        class_level: int | None = None,
        group_by: str | None = None,
        attributes: str | None = None,
        background: Background = 1.0,
        value_range: tuple[float, float] | None = None,
        **common: Any,
    ) -> None:
        super().__init__(**common)
        if not root.strip():
            raise InputError(f"root is empty, got {root!r}: pass --data.root with a folder of class folders")
        InputError.collect(
            _problems_of(size) + seeds(seed=seed) + ([] if class_level is None else whole(1, class_level=class_level))
        )
        self.root, self.fractions, self.seed, self.group_by = Path(root), fractions, seed, group_by
        self.layout = understood(self.root, class_level)
        self.known = self._table(attributes)
        train = self.layout.splits["train"]
        self.class_names = [readable(name) for name in train]
        self.found = inspect_images([file for files in train.values() for file in files], background, value_range)
        size, grey = size or self.found.size, self.found.grey if grey is None else grey
        height, width = (size, size) if isinstance(size, int) else size
        self.levels = self.found.reading.levels
        self.shape = (1 if grey else 3, height, width)
        self.num_classes = len(self.class_names)

    def _rows(self) -> list[tuple[Path, int, SplitName]]:
        """File, label and split of every image."""
        return [
            (file, label, split)
            for split, classes in self.layout.splits.items()
            for label, found in enumerate(classes.values())
            for file in found
        ]

    def _table(self, attributes: str | None) -> AttributeTable | None:
        if attributes is None:
            return None
        table = read_table([file.relative_to(self.root).as_posix() for file, _, _ in self._rows()], Path(attributes))
        self.attribute_names = table.names
        return table

    def load(self) -> dict[SplitName, Split]:
        files, y, given = map(list, zip(*self._rows(), strict=True))
        names = [file.relative_to(self.root).as_posix() for file in files]
        copies, groups = same_bytes(files), self._groups(names)
        side = self._sides(files, y, given, together(len(files), copies, groups))
        self._cut = [split for split in SPLITS if split not in given]
        divided = on_groups(side, groups)
        self._in_groups = [f"{len(groups):,} groups undivided"] if groups and not divided else []
        self._beware = [
            *on_copies(names, y, side, copies),
            *divided,
            *on_absent_classes(y, side, self.class_names),
            *on_few(side.count("val")),
        ]
        return {split: self._mixed([p for p, own in enumerate(side) if own == split], files, y) for split in SPLITS}

    def _groups(self, names: list[str]) -> list[list[int]]:
        """Positions of the images of every group."""
        groups: dict[str, list[int]] = {}
        if self.group_by is not None:
            for position, group in enumerate(groups_of(names, self.group_by)):
                groups.setdefault(group, []).append(position)
        return list(groups.values())

    def _sides(self, files: list[Path], y: list[int], given: list[SplitName], units: list[int]) -> list[SplitName]:
        """The split of every image: the one in which it lies, or one of those that are cut from train."""
        side = list(given)
        shares_of_all = self._shares(given.count("train"))
        wanted = {name: share for name, share in shares_of_all.items() if name == "train" or name not in given}
        if len(wanted) > 1:
            train = [p for p, own in enumerate(given) if own == "train"]
            parts = {name: share / sum(wanted.values()) for name, share in wanted.items()}
            above = len(os.path.commonpath([files[p] for p in train]))  # the same names from wherever root begins
            names = [str(files[p])[above:] for p in train]
            dealt = assign_splits([y[p] for p in train], [units[p] for p in train], names, parts, self.seed)
            for name, positions in dealt.items():
                for p in positions:
                    side[train[p]] = name
        if empty := [name for name in SPLITS if name not in side]:
            of = f" in {len(set(units))} groups that are not divided" if len(set(units)) < len(files) else ""
            raise InputError(
                f"{len(files)} images{of} in {str(self.root)!r} leave none for {' and '.join(empty)} at fractions "
                f"{tuple(shares_of_all.values())}"
            )
        return side

    def _shares(self, n: int) -> dict[SplitName, float]:
        """Of a folder of n images that has train alone."""
        enough = LARGEST_SHARE * n >= JUDGED_BY  # where a quarter is too few, training needs them more
        part = min(LARGEST_SHARE, max(SHARE, ENOUGH / n)) if enough else SHARE
        return shares(dict(zip(SPLITS, self.fractions or (1 - 2 * part, part, part), strict=True)))

    def _mixed(self, positions: list[int], files: list[Path], y: list[int]) -> FileSplit:
        """In an order that mixes the classes: the first so many images are a sample of them all."""
        order = torch.randperm(len(positions), generator=torch.Generator().manual_seed(0)).tolist()
        chosen = [positions[p] for p in order]
        return FileSplit(
            [files[p] for p in chosen],
            torch.tensor([y[p] for p in chosen]),
            self.shape,
            self.found.reading,
            None if self.known is None else self.known.values[torch.tensor(chosen)],
        )

    def described(self) -> list[str]:
        _, classes, splits = super().described()
        cut = f"{' and '.join(self._cut)} cut from train by seed {self.seed}, every class in its share"
        how = ([cut] if self._cut else []) + self._in_groups
        splits += f" ({', '.join(how)})" if how else ""
        n = sum(len(split) for split in self._splits.values())
        grey = self.shape[0] == 1
        read = "" if grey == self.found.grey else f", read in {'grey' if grey else 'colour'}"
        what = f"{n:,} images in {shown(self.root)}, {self.found.kind}{read}, {self._sizes()}"
        skipped = sum(self.layout.left_out.values())
        left_out = [f"{skipped:,} files skipped ({counted(self.layout.left_out)})"] if skipped else []
        notes = [*left_out, *self.layout.remarks, *self.found.remarks, *(self.known.remarks if self.known else [])]
        return [
            what,
            classes,
            splits,
            *(["; ".join(notes)] if notes else []),
            *([f"BEWARE: {'; '.join(self._beware)}"] if self._beware else []),
        ]

    def _sizes(self) -> str:
        """Those of the files, as far as they were looked at, and what becomes of them."""
        _, height, width = self.shape
        small, large = self.found.sizes[0], self.found.sizes[-1]
        own = _by(small) if small == large else f"{_by(small)} to {_by(large)}"
        if (small, large) == ((height, width), (height, width)):
            return own
        cropped = any(h * width != w * height for h, w in self.found.sizes)
        enlarged = any(h < height or w < width for h, w in self.found.sizes)
        how = [word for word, is_so in (("cropped", cropped), ("some enlarged", enlarged)) if is_so]
        return f"{own} → {_by((height, width))}" + (f" ({', '.join(how)})" if how else "")


def _problems_of(size: Any) -> list[str]:
    if isinstance(size, tuple | list):
        two = [] if len(size) == 2 else [f"size must be one number or two, height and width; got {size!r}"]
        return two or each(whole, 1, LARGEST_SIZE, size=size)
    return [] if size is None else whole(1, LARGEST_SIZE, size=size)


def _by(size: tuple[int, int]) -> str:
    return f"{size[0]}×{size[1]}"
