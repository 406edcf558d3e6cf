"""What kind of images a data set holds, from a sample of its files."""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np

from datamodules.images.picture import picture
from datamodules.images.reading import BYTES, Background, Reading, levels, nominal
from datamodules.images.stored import Picture, Range, ends

#: endings of names that are taken for images
EXTENSIONS = {
    *(".png", ".jpg", ".jpeg", ".jpe", ".jfif", ".bmp", ".tif", ".tiff", ".webp", ".gif", ".avif", ".jp2", ".j2k"),
    *(".pgm", ".ppm", ".pbm", ".pnm", ".pfm", ".dcm", ".dicom", ".npy"),
}
LARGEST = 64  # pixels a side where no size is given
COLOURLESS = 8 / 255  # share of the range by which the channels of a grey JPEG may differ
SAMPLE = 50  # files that are looked at
FLAT = 1 / 16  # share of the range
BEYOND = "hold numbers beyond that range, which become 0 or 1"
FAINT = "use less than a sixteenth of their range, and are nearly black, white or grey: should value_range be another?"


class Inspection(NamedTuple):
    """What was found.

    Attributes:
        size: height and width that suit the images.
        sizes: height and width of the files that were looked at, each once, the smallest first.
        grey: whether they have no colour.
        kind: in words, such as "grey 12 bits".
        reading: how to read all images of the data set.
        remarks: a sentence each.
    """

    size: int
    sizes: list[tuple[int, int]]
    grey: bool
    kind: str
    reading: Reading
    remarks: list[str]


class _Look(NamedTuple):
    """What is kept of one file; ``picture`` without its numbers, but of their type."""

    size: tuple[int, int]
    picture: Picture
    ends: Range
    step: int
    colour: float


def inspect_images(files: Sequence[Path], background: Background = 1.0, value_range: Range | None = None) -> Inspection:
    """What the images are, by some of them, spread over the list.

    Args:
        background: see ``Reading``.
        value_range: the same.

    Raises:
        InputError: one of them cannot be read, or numbers that ``Reading`` refuses.
    """
    given = Reading(background, value_range)
    looks = [_look(file) for file in files[:: max(1, len(files) // SAMPLE)]]
    reading = _with_levels(replace(given, integers=_range(looks, True), floats=_range(looks, False)), looks)
    side = sorted(min(look.size) for look in looks)[len(looks) // 2]
    sizes = sorted({look.size for look in looks}, key=lambda size: (size[0] * size[1], size))
    grey = all(_is_grey(look, reading) for look in looks)
    kind = f"{'grey' if grey else 'colour'} {_depths(looks, reading)}"
    return Inspection(suitable(side), sizes, grey, kind, reading, _said(looks, reading))


def suitable(side: int) -> int:
    """A size that networks which halve images can take: a multiple of 4, and of 8 above 32; 64 at most, 8 at least.

    >>> [suitable(side) for side in (5, 28, 31, 36, 63, 224)]
    [8, 28, 28, 32, 56, 64]
    """
    step = 4 if side <= 32 else 8
    return min(LARGEST, max(8, side // step * step))


def _look(file: Path) -> _Look:
    found = picture(file, side=LARGEST)
    values = found.values
    step = int(np.gcd.reduce(values, axis=None)) if found.whole and values.dtype != np.uint8 else 1
    colour = (values.max(axis=2) - values.min(axis=2)).max().item() if values.shape[2] == 3 else 0
    return _Look(found.size, found._replace(values=values[:0]), ends(found), step, colour)


def _is_open(look: _Look, whole: bool) -> bool:
    """Whether a file is of a kind whose range lies in the data set."""
    found = look.picture
    return found.span is None and found.values.dtype != np.uint8 and found.whole == whole


def _range(looks: list[_Look], whole: bool) -> Range | None:
    those = [look.ends for look in looks if _is_open(look, whole)]
    return nominal(min(low for low, _ in those), max(high for _, high in those), whole) if those else None


def _with_levels(reading: Reading, looks: list[_Look]) -> Reading:
    """As many grey values as the deepest files have."""
    needed = []
    common = math.gcd(*(look.step for look in looks if look.picture.values.dtype != np.uint8))
    for look in looks:
        low, high = span = reading.span(look.picture)
        fits = look.picture.whole and common and (high - low) % common == 0
        needed.append(levels(span, (common if fits else 1) if look.picture.whole else None))
    return replace(reading, levels=max(needed))


def _is_grey(look: _Look, reading: Reading) -> bool:
    low, high = reading.span(look.picture)
    tinted = look.picture.alpha is not None and not isinstance(reading.background, int | float)
    return not tinted and look.colour <= COLOURLESS * (high - low)


def _depths(looks: list[_Look], reading: Reading) -> str:
    """Such as "8 bits", or "8 bits (20 of 50 files), floats (30 of 50 files)"."""
    counts = Counter(_depth(look, reading) for look in looks)
    if len(counts) == 1:
        return next(iter(counts))
    return ", ".join(f"{depth} ({n} of {len(looks)} files)" for depth, n in counts.most_common())


def _depth(look: _Look, reading: Reading) -> str:
    if not look.picture.whole:
        return "floats"
    low, high = look.picture.span or reading.integers or BYTES
    return f"{8 if look.picture.values.dtype == np.uint8 else math.ceil(math.log2(high - low + 1))} bits"


def _said(looks: list[_Look], reading: Reading) -> list[str]:
    """What a user should know of the sample, a sentence each."""
    counts = Counter(remark for look in looks for remark in look.picture.remarks)
    counts[BEYOND] = sum(_is_clipped(look, reading) for look in looks)
    counts[FAINT] = sum(look.picture.alpha is None and _is_flat(look, reading) for look in looks)
    of = f"of {len(looks)} files"
    seen = [f"{n} {of} {remark.format(background=reading.background)}" for remark, n in counts.items() if n]
    return _ranges(reading) + seen


def _ranges(reading: Reading) -> list[str]:
    if reading.value_range is not None:
        return [f"numbers {_words(reading.value_range)}, by value_range"]
    found = {"integers": reading.integers, "floats": reading.floats}
    return [f"{kind} {_words(span)}, as found: value_range sets another range" for kind, span in found.items() if span]


def _words(span: Range) -> str:
    return f"from {span[0]:g} to {span[1]:g} become intensities from 0 to 1"


def _is_clipped(look: _Look, reading: Reading) -> bool:
    """By the range that was given, or that floats overshoot; a window is meant to clip."""
    low, high = span = reading.span(look.picture)
    return span in (reading.value_range, reading.floats) and (look.ends[0] < low or look.ends[1] > high)


def _is_flat(look: _Look, reading: Reading) -> bool:
    """Whether nearly nothing is to be seen in a file, which another range might show."""
    low, high = reading.span(look.picture)
    bottom, top = (min(max(end, low), high) for end in look.ends)
    return top - bottom < FLAT * (high - low)
