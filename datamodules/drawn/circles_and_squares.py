"""Circles and squares of two sizes: a cue that no heat map can show."""

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from datamodules.base import DataModule, Split, SplitName, TensorSplit
from networks.checks import seeds, whole
from networks.errors import InputError

SIDE = 32
DIAMETERS = ((7.0, 11.0), (14.0, 18.0))  # of small and of large ones, in pixels; a square's is its side


class CirclesAndSquares(DataModule):
    """1×32×32 grey images of one circle or one square each; the class is whether it is small or large.

    Which of the two, where, how bright and on what ground does not depend on the class: the size alone does. Pixels
    that a classifier looks at are those of the object, small or large, so that an attribution cannot tell what about
    them counts. Small ones are 7 to 11 pixels across, large ones 14 to 18. See ``DataModule`` for the common arguments.

    Args:
        n_train, n_val, n_test: images of each split.
        seed: of all that is drawn.

    Raises:
        InputError: a number out of its range.
    """

    levels = 256

    def __init__(
        self,
        n_train: int = 8_000,
        n_val: int = 500,
        n_test: int = 1_000,
        seed: int = 0,
        batch_size: int = 64,
        **common: Any,
    ) -> None:
        super().__init__(batch_size=batch_size, **common)
        InputError.collect(whole(1, n_train=n_train, n_val=n_val, n_test=n_test) + seeds(seed=seed))
        self.shape, self.num_classes, self.class_names = (1, SIDE, SIDE), 2, ["small", "large"]
        self.sizes: dict[SplitName, int] = {"train": n_train, "val": n_val, "test": n_test}
        self.seed = seed

    def load(self) -> dict[SplitName, Split]:
        return {name: drawn(n, hash((self.seed, i)) % 2**63) for i, (name, n) in enumerate(self.sizes.items())}


def drawn(n: int, seed: int) -> TensorSplit:
    """n images; the same ones first for any n."""
    generator = torch.Generator().manual_seed(seed)
    each = torch.rand(n, 7, generator=generator).T
    large, square = each[0] < 0.5, each[1] < 0.5
    low, high = (torch.where(large, big, small) for small, big in zip(*DIAMETERS, strict=True))
    radius = (low + each[2] * (high - low)) / 2
    # Whole inside, with a pixel to spare.
    middle = radius + 1 + each[3:5] * (SIDE - 2 - 2 * radius)
    ground, ink = 0.25 * each[5], 0.6 + 0.4 * each[6]
    line = torch.arange(SIDE) + 0.5
    down, across = line[:, None] - middle[0][:, None, None], line - middle[1][:, None, None]
    distance = torch.where(
        square[:, None, None], torch.maximum(down.abs(), across.abs()), (down.square() + across.square()).sqrt()
    )
    inside = (0.5 + radius[:, None, None] - distance).clamp(0, 1)
    grain = 0.01 * torch.randn(n, SIDE, SIDE, generator=torch.Generator().manual_seed(seed + 1))
    x = ground[:, None, None] + inside * (ink - ground)[:, None, None] + grain
    return TensorSplit((x.clamp(0, 1) * 255).round().byte()[:, None], large.long())


def diameters(x: Tensor) -> Tensor:
    """How large the objects in images B×1×32×32 are, in pixels, B: the mean of height and width.

    Of rows and columns those count in which a pixel is nearer to the object's grey than to the ground's, after a median
    over 3×3 pixels, for which single ones of noise are no object.
    """
    around = F.unfold(F.pad(x, [1] * 4, mode="replicate"), 3)
    ordered = around.median(1).values.sort(1).values
    ground, ink = ordered[:, ordered.shape[1] // 4], ordered[:, -8:].mean(1)
    inside = (around.median(1).values > ((ground + ink) / 2)[:, None]).float().view(-1, SIDE, SIDE)
    return (inside.amax(1).sum(1) + inside.amax(2).sum(1)) / 2
