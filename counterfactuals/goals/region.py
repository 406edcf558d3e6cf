"""Which pixels a search may change."""

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import numpy as np
import torch
from PIL import Image, ImageOps
from torch import Tensor

from networks.checks import whole
from networks.errors import InputError


class Region(Protocol):
    """The shape of a sample → bool tensor that broadcasts to it, True where it may change."""

    def mask(self, shape: Sequence[int]) -> Tensor: ...


class Box:
    """A rectangle in an image of C×H×W.

    Args:
        top, left, height, width: in pixels.
        inside: whether the inside may change, or the outside.

    Raises:
        InputError: no whole numbers; on use, where it does not lie in the image.
    """

    def __init__(self, top: int, left: int, height: int, width: int, inside: bool = True) -> None:
        InputError.collect(whole(0, top=top, left=left) + whole(1, height=height, width=width))
        self.top, self.left, self.height, self.width, self.inside = top, left, height, width, inside

    def mask(self, shape: Sequence[int]) -> Tensor:
        rows, columns = shape[-2:]
        bottom, right = self.top + self.height, self.left + self.width
        if len(shape) != 3 or not (0 <= self.top < bottom <= rows and 0 <= self.left < right <= columns):
            raise InputError(
                f"the box of rows {self.top} to {bottom} and columns {self.left} to {right} does not lie in samples "
                f"of shape {tuple(shape)}"
            )
        mask = torch.zeros(1, rows, columns, dtype=torch.bool)
        mask[:, self.top : bottom, self.left : right] = True
        return mask if self.inside else ~mask


class MaskFile:
    """An image of the samples' size, upright: what is brighter than half may change.

    Half of 255, or of the largest number where it has more than 8 bits; what is transparent is black.

    Raises:
        InputError: the file is missing or no image, or nothing in it is bright; on use, where it has another size.
    """

    def __init__(self, path: str) -> None:
        self.path = Path(path)
        try:
            with Image.open(self.path, formats=("BMP", "JPEG", "PNG", "TIFF", "WEBP")) as image:
                brightness = _brightness(image)
        except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
            raise InputError(f"the mask {self.path} cannot be read as an image: {error}") from error
        self._mask = torch.from_numpy(brightness > 0.5)[None]
        if not self._mask.any():
            raise InputError(
                f"the mask {self.path} leaves nothing to change: what is brighter than half may, and its brightest "
                f"pixel has {brightness.max():.3f} of white"
            )

    def mask(self, shape: Sequence[int]) -> Tensor:
        if tuple(self._mask.shape[-2:]) != tuple(shape[-2:]):
            size = tuple(self._mask.shape[-2:])
            raise InputError(f"the mask {self.path} is {size}, the samples are {tuple(shape[-2:])}")
        return self._mask


def _brightness(image: Image.Image) -> np.ndarray:
    """H×W in [0, 1]."""
    image = ImageOps.exif_transpose(image)
    if image.mode == "F" or image.mode.startswith("I"):
        values = np.asarray(image, np.float64)
        return values / max(values.max(), 1e-12)
    grey, alpha = np.moveaxis(np.asarray(image.convert("RGBA").convert("LA"), np.float64) / 255, 2, 0)
    return grey * alpha
