"""What an image file holds, before its numbers become intensities."""

from typing import NamedTuple

import numpy as np

Range = tuple[float, float]

SEVERAL = "hold several pictures: the first is read"
SHALLOW = "have more than 8 bits a colour, of which 8 are read"
TRANSPARENT = "are transparent: they lie on background {background}"
TURNED = "are turned as their EXIF orientation says"
WINDOWED = "are read through the window that they name"


class Picture(NamedTuple):
    """The first picture of a file, upright.

    Attributes:
        values: H×W×1 (grey) or H×W×3 (colour), numbers as they are stored; uint8 where there are 8 bits.
        alpha: H×W float32 in [0, 1], 0 where the background shows; ``None`` where it shows nowhere.
        span: the numbers that are black and white by the file itself; ``None`` where it does not say.
        inverted: the lower end of ``span`` is white.
        remarks: what a user should know, as "files …".
        reduced_from: height and width in the file, where ``values`` have fewer.
    """

    values: np.ndarray
    alpha: np.ndarray | None = None
    span: Range | None = None
    inverted: bool = False
    remarks: tuple[str, ...] = ()
    reduced_from: tuple[int, int] | None = None

    @property
    def size(self) -> tuple[int, int]:
        """Height and width in the file, upright."""
        return self.reduced_from or (self.values.shape[0], self.values.shape[1])

    @property
    def whole(self) -> bool:
        """Whether the numbers are integers."""
        return self.values.dtype.kind in "iu"


def ends(picture: Picture) -> Range:
    """The least and the largest number."""
    return picture.values.min().item(), picture.values.max().item()


def unsigned(values: np.ndarray) -> np.ndarray:
    """Booleans and signed bytes as what they are in 8 bits, 0 … 255; others in the machine's byte order."""
    if values.dtype == bool:
        return values.astype(np.uint8) * np.uint8(255)
    if values.dtype == np.int8:
        return values.view(np.uint8) ^ np.uint8(128)
    return values.astype(values.dtype.newbyteorder("="), copy=False)


def with_alpha(values: np.ndarray) -> Picture:
    """Of H×W×2 (grey and alpha) or H×W×4 unsigned integers, alpha up to the type's largest."""
    alpha = values[..., -1]
    most = np.iinfo(values.dtype).max
    if alpha.min() == most:
        return Picture(values[..., :-1])
    return Picture(values[..., :-1], alpha.astype(np.float32) / np.float32(most), remarks=(TRANSPARENT,))
