"""MNIST in black and white."""

from typing import Any

import torch

from datamodules.base import Split, SplitName, TensorSplit
from datamodules.mnist import MNIST


class BinarizedMNIST(MNIST):
    """Ten classes of 1×28×28 images of zeros and ones: every pixel drawn once, 1 with probability its grey value.

    The procedure of Salakhutdinov & Murray 2008 (*On the Quantitative Analysis of Deep Belief Networks*). The draw
    is our own, by ``seed``, from torchvision's files; the one that they published has other images in each split.
    Arguments and errors are those of ``MNIST``, with 50,000 / 10,000 / 10,000 images as there.
    """

    levels = 2

    def __init__(self, root: str = "data", download: bool = False, n_val: int = 10_000, **common: Any) -> None:
        super().__init__(root, download, n_val, **common)

    def load(self) -> dict[SplitName, Split]:
        grey, generator = super().load(), torch.Generator().manual_seed(self.seed)
        order: tuple[SplitName, ...] = ("test", "train", "val")  # what is tested does not depend on n_val
        return {name: _drawn(grey[name], generator) for name in order}


def _drawn(split: Split, generator: torch.Generator) -> TensorSplit:
    """Pixels of 0 and 255 with the grey values 0 … 255 as their means."""
    assert isinstance(split, TensorSplit)
    drawn = 255 * torch.rand(split.x.shape, generator=generator) < split.x
    return TensorSplit(drawn.to(torch.uint8) * 255, split.y, attributes=split.attributes)
