"""A curve in space: the toy data whose manifold is known."""

from typing import Any

import torch
from torch import Tensor

from datamodules.base import DataModule, Split, SplitName, TensorSplit
from networks.checks import seeds, whole
from networks.errors import InputError

#: t runs over [−4, 4]
HALF_HEIGHT = 4.0


def helix(t: Tensor) -> Tensor:
    """h(t) = (sin t, cos t, t); t of N → points N×3."""
    return torch.stack([t.sin(), t.cos(), t], -1)


def distance_to_helix(points: Tensor, newton_steps: int = 8) -> Tensor:
    """Euclidean distance of points (N×3) to the helix, N, in the points' unit.

    The squared distance |h(t) − p|² has several minima in t: the best point of a fine grid starts
    Newton's iteration on its derivative, in float64, clamped to the grid cell around it (and so to
    the ends of the curve).
    """
    p = points.double()
    grid = torch.linspace(-HALF_HEIGHT, HALF_HEIGHT, 2001, dtype=torch.float64, device=p.device)
    spacing = float(grid[1] - grid[0])
    t0 = grid[torch.cdist(p, helix(grid)).argmin(1)]
    low, high = (t0 - spacing).clamp(min=-HALF_HEIGHT), (t0 + spacing).clamp(max=HALF_HEIGHT)
    t = t0
    for _ in range(newton_steps):
        # d/dt ½|h − p|² = (t − p₃) − p₁ cos t + p₂ sin t, using |(sin t, cos t)| = 1
        slope = t - p[:, 2] - p[:, 0] * t.cos() + p[:, 1] * t.sin()
        curvature = 1 + p[:, 0] * t.sin() + p[:, 1] * t.cos()
        t = torch.clamp(t - slope / curvature.clamp(min=1e-3), low, high)
    return (helix(t) - p).norm(dim=1).to(points.dtype)


class Helix(DataModule):
    """Points uniform on a helix of radius 1 and height ±4; two classes, lower and upper half.

    Source: *Diffeomorphic Counterfactuals*, IV.A. See ``DataModule`` for the common arguments.

    Args:
        n_train, n_val, n_test: points of each split.
        seed: of the points.
    """

    def __init__(
        self,
        n_train: int = 50_000,
        n_val: int = 2_000,
        n_test: int = 1_000,
        batch_size: int = 500,
        seed: int = 0,
        **common: Any,
    ) -> None:
        super().__init__(batch_size=batch_size, **common)
        self.shape, self.num_classes, self.class_names = (3,), 2, ["lower", "upper"]
        self.sizes: dict[SplitName, int] = {"train": n_train, "val": n_val, "test": n_test}
        InputError.collect(whole(1, n_train=n_train, n_val=n_val, n_test=n_test) + seeds(seed=seed))
        self.seed = seed

    def load(self) -> dict[SplitName, Split]:
        generator = torch.Generator().manual_seed(self.seed)
        return {name: _uniform(n, generator) for name, n in self.sizes.items()}


def _uniform(n: int, generator: torch.Generator) -> TensorSplit:
    t = (torch.rand(n, generator=generator) * 2 - 1) * HALF_HEIGHT
    return TensorSplit(helix(t), (t > 0).long())
