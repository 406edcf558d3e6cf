"""How the numbers in image files become intensities from 0 to 1."""

import math
import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np

from datamodules.images.stored import Picture, Range, ends
from networks.checks import interval, within
from networks.errors import InputError

Background = float | tuple[float, float, float]
BYTES: Range = (0, 255)
MOST_BITS = 16
NARROW = [np.dtype(kind) for kind in ("u1", "i1", "u2", "i2", "f2", "f4")]  # float32 holds them exactly
LOOSE = 0.1  # share of a range by which floats may overshoot it, as resampled ones do


@dataclass(frozen=True)
class Reading:
    """One rule for all images of a data set, so that their intensities can be compared.

    The numbers of a file that become 0 and 1 are, in this order: ``value_range``; those that the file itself names (8
    bits: 0 and 255; DICOM: its window); those found in the data set. What lies outside becomes 0 or 1.

    Args:
        background: what lies below transparent images, a grey value or red, green and blue, in [0, 1].
        value_range: the numbers that become 0 and 1; ``None`` for the rule above. One that 8 bits cannot hold is not
            for the files of 8 bits.
        integers: the range of the data set's integers of more than 8 bits; ``None`` for each file's own.
        floats: the same of its floats.
        levels: grey values to which they are rounded.

    Raises:
        InputError: numbers that are none of that.
    """

    background: Background = 1.0
    value_range: Range | None = None
    integers: Range | None = None
    floats: Range | None = None
    levels: int = 2**MOST_BITS

    def __post_init__(self) -> None:
        colours = [self.background] if isinstance(self.background, int | float) else list(self.background)
        problems = [] if len(colours) in (1, 3) else [f"background must be one number or three; got {self.background}"]
        problems += [p for colour in colours for p in within(0, 1, background=colour)][:1]
        InputError.collect(problems + interval(value_range=self.value_range))

    def span(self, picture: Picture) -> Range:
        """The numbers that become 0 and 1."""
        is_bytes = picture.values.dtype == np.uint8
        given = self.value_range
        if given is not None and not (is_bytes and (given[0] < BYTES[0] or given[1] > BYTES[1])):
            return given
        if picture.span is not None or is_bytes:
            return picture.span or BYTES
        return (self.integers if picture.whole else self.floats) or nominal(*ends(picture), picture.whole)

    def keeps(self, picture: Picture) -> bool:
        """Whether these are plain bytes, which stay as they are."""
        plain = picture.values.dtype == np.uint8 and picture.alpha is None and not picture.inverted
        return plain and self.span(picture) == BYTES

    def intensities(self, picture: Picture, name: object = "an image") -> np.ndarray:
        """H×W×1 or H×W×3 float32 in [0, 1], on the background where it is transparent.

        Args:
            name: of the file, for the warning where numbers lie outside of what was found.
        """
        low, high = self.span(picture)
        self._check(picture, (low, high), name)
        exact = np.float32 if picture.values.dtype in NARROW else np.float64
        x: Any = picture.values.astype(exact)  # and from here in place: it may be of a gigabyte
        x -= low
        x /= high - low
        x = x.clip(0, 1, out=x).astype(np.float32, copy=False)
        if picture.inverted:
            np.subtract(1, x, out=x)
        if picture.alpha is None:
            return x
        background = np.atleast_1d(np.asarray(self.background, np.float32))
        x = np.repeat(x, 3, axis=2) if len(background) > x.shape[2] else x
        x *= picture.alpha[..., None]
        x += (1 - picture.alpha[..., None]) * background
        return x

    def rounded(self, x: np.ndarray) -> np.ndarray:
        """To the nearest of ``levels`` grey values."""
        return (x.clip(0, 1) * (self.levels - 1)).round() / np.float32(self.levels - 1)

    def _check(self, picture: Picture, span: Range, name: object) -> None:
        """Whether the sample in which a range was found stands for this file, too."""
        if span == self.value_range or span not in (self.integers, self.floats):
            return
        low, high = ends(picture)
        loose = 0 if picture.whole else LOOSE * (span[1] - span[0])
        if low < span[0] - loose or high > span[1] + loose:
            _warn(
                span,
                f"{name} holds numbers from {low:g} to {high:g}, more than the {span[0]:g} to {span[1]:g} found in "
                "other files: they are clipped. Set value_range; further files are not named",
            )


_warned: set[Range] = set()


def _warn(span: Range, message: str) -> None:
    """Once a process: there may be thousands of such files, and each is read in every epoch."""
    if span not in _warned:
        _warned.add(span)
        warnings.warn(message, stacklevel=4)


def nominal(low: float, high: float, whole: bool) -> Range:
    """A range that holds all numbers, and is the same for other samples of the same data.

    Floats: 0 to 1, −1 to 1, 0 to 255 where they fit, up to a tenth. Integers and other floats: as many bits as they
    need: from 0 to 2^b − 1, b at least 8, or from −2^a.

    >>> nominal(0, 3660, True), nominal(-1024, 3071, True), nominal(0, 0.98, False)
    ((0, 4095), (-1024, 3071), (0, 1))
    """
    for least, most in () if whole else ((0, 1), (-1, 1), (0, 255)):
        if least - LOOSE * most <= low and high <= (1 + LOOSE) * most:
            return least, most
    top = 2 ** max(8, math.ceil(math.log2(max(high, 0) + 1))) - 1
    bottom = 0 if low >= 0 else -(2 ** math.ceil(math.log2(-low)))
    return bottom, min(top, bottom + 2 ** math.ceil(math.log2(high - bottom + 1)) - 1) if bottom < 0 else top


def levels(span: Range, step: float | None) -> int:
    """A power of two, from 2^8 to 2^16, of at least as many grey values as a range has steps; the most for floats."""
    if step is None:
        return 2**MOST_BITS
    steps = (span[1] - span[0]) / step
    return 2 ** min(MOST_BITS, max(8, math.ceil(math.log2(steps + 1))))
