"""Changes of training images that leave them what they are."""

from abc import ABC, abstractmethod

import torch
from torch import Tensor

from networks.checks import whole, within
from networks.errors import InputError


class Augmentation(ABC):
    """(x of B×C×H×W, generator on x's device) → images of the same shape and grey values; every image draws its own.

    Attributes:
        keeps_all: whether what is in an image is still in it, once: a count stays right.
    """

    keeps_all: bool

    @abstractmethod
    def __call__(self, x: Tensor, generator: torch.Generator) -> Tensor: ...


class Mirror(Augmentation):
    """Left and right exchanged, in a share ``p`` of the images: for what has no side, such as faces.

    Args:
        p: probability.
    """

    keeps_all = True

    def __init__(self, p: float = 0.5) -> None:
        InputError.collect(within(0, 1, p=p))
        self.p = p

    def __call__(self, x: Tensor, generator: torch.Generator) -> Tensor:
        chosen = torch.rand(len(x), 1, 1, 1, device=x.device, generator=generator) < self.p
        return torch.where(chosen, x.flip(-1), x)


class Shift(Augmentation):
    """Moved by up to ``pixels`` in each direction, evenly; what comes in at a border mirrors what is beside it.

    Args:
        pixels: at most.

    Raises:
        InputError: on use, images that are not larger than that.
    """

    keeps_all = False

    def __init__(self, pixels: int = 4) -> None:
        InputError.collect(whole(1, pixels=pixels))
        self.pixels = pixels

    def __call__(self, x: Tensor, generator: torch.Generator) -> Tensor:
        if self.pixels >= min(x.shape[2:]):
            size = "×".join(map(str, x.shape[2:]))
            raise InputError(f"Shift moves by up to {self.pixels} pixels, and the images are {size}: take fewer pixels")
        for axis in (2, 3):
            x = x.gather(axis, self._taken(x, axis, generator).expand_as(x))
        return x

    def _taken(self, x: Tensor, axis: int, generator: torch.Generator) -> Tensor:
        """Which rows or columns are taken, reflected at the borders; B×1×H×1 or B×1×1×W."""
        last = x.shape[axis] - 1
        by = torch.randint(-self.pixels, self.pixels + 1, (len(x), 1), device=x.device, generator=generator)
        taken = (torch.arange(last + 1, device=x.device) + by).abs()
        taken = last - (last - taken).abs()
        return taken[:, None, :, None] if axis == 2 else taken[:, None, None, :]
