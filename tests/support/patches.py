"""Data with attributes whose images show them plainly."""

from typing import Any

import torch

from datamodules.base import DataModule, Split, SplitName, TensorSplit


class Patches(DataModule):
    """1×8×8 images of one bright column: ``left`` or not, and ``light``, its brightness in percent.

    Classes are those of ``left``. Further columns of the attributes are ``more``, N each, by their names.
    """

    def __init__(self, n: int = 96, more: dict[str, torch.Tensor] | None = None, **common: Any) -> None:
        super().__init__(**common)
        self.shape, self.num_classes, self.class_names = (1, 8, 8), 2, ["right", "left"]
        self.n, self.more = n, more or {}
        self.attribute_names = ["left", "light", *self.more]

    def load(self) -> dict[SplitName, Split]:
        generator = torch.Generator().manual_seed(0)
        left = torch.arange(self.n) % 2
        light = 40 + 60 * torch.rand(self.n, generator=generator)
        x = 0.1 * torch.rand(self.n, 1, 8, 8, generator=generator)
        for image, on_left, value in zip(x, left.tolist(), light.tolist(), strict=True):
            image[:, :, 1 + 4 * (1 - on_left)] = value / 100
        known = torch.stack([left.float(), light, *(column.float() for column in self.more.values())], 1)
        parts: dict[SplitName, slice] = {"train": slice(64), "val": slice(64, 80), "test": slice(80, None)}
        return {name: TensorSplit(x[p], left[p], attributes=known[p]) for name, p in parts.items()}
