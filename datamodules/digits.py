"""UCI handwritten digits: 1,797 real 8×8 images that come with scikit-learn."""

from typing import Any

import torch
from sklearn.datasets import load_digits

from datamodules.base import DataModule, Split, SplitName, TensorSplit, seeded_split
from networks.checks import seeds
from networks.errors import InputError


class Digits(DataModule):
    """Ten classes of 1×8×8 images with 17 grey values k / 16; no download.

    Split by seed: 60 % train, 15 % val, 25 % test. See ``DataModule`` for the common arguments.
    """

    #: grey values of the images
    levels = 17

    def __init__(
        self,
        seed: int = 0,
        **common: Any,
    ) -> None:
        super().__init__(**common)
        self.shape, self.num_classes, self.class_names = (1, 8, 8), 10, [str(d) for d in range(10)]
        InputError.collect(seeds(seed=seed))
        self.seed = seed

    def load(self) -> dict[SplitName, Split]:
        images, labels = load_digits(return_X_y=True)
        x = torch.tensor(images, dtype=torch.float32).view(-1, 1, 8, 8) / (self.levels - 1)
        y = torch.tensor(labels, dtype=torch.int64)
        positions = seeded_split(len(x), {"train": 0.6, "val": 0.15, "test": 0.25}, self.seed)
        return {name: TensorSplit(x[p], y[p]) for name, p in positions.items()}
