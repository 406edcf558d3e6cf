"""Steps of one length along the gradient's direction."""

import math
from typing import NamedTuple

import torch
from torch import Tensor

from networks.errors import InputError

TINY = 1e-12  # a gradient of zero has no direction


class MomentumState(NamedTuple):
    """Mean of the past directions, N×D, and the steps that each row has taken, N."""

    m: Tensor
    t: Tensor


class Momentum:
    """Displacement −m̂, m ← μ m + (1 − μ) g/‖g‖, m̂ = m / (1 − μᵗ), for a step size of one.

    A step is at most one long, and coordinates move in proportion to what they contribute: the way
    is the shortest in the metric of Z (where the flow whitens it, one unit is one standard
    deviation), however small the gradient is. ``Adam`` divides that proportion out.

    Args:
        mu: μ in [0, 1); 0 is the normalised gradient alone.
    """

    def __init__(self, mu: float = 0.9) -> None:
        if not 0 <= mu < 1:
            raise InputError(f"mu must lie in [0, 1); got {mu}")
        self.mu = mu

    def start(self, z: Tensor) -> MomentumState:
        """State of N rows that have not moved yet; z of N×D."""
        return MomentumState(torch.zeros_like(z), z.new_zeros(len(z)))

    def step(self, state: MomentumState, rows: Tensor, grad: Tensor) -> Tensor:
        """Displacement n×D of the given rows (n int64), from their gradients (n×D); updates ``state`` at them alone."""
        direction = grad / grad.norm(dim=1, keepdim=True).clamp(min=TINY)
        m = state.m[rows].lerp_(direction, 1 - self.mu)
        t = state.t[rows] + 1
        state.m[rows], state.t[rows] = m, t
        return -m / -torch.expm1(t * math.log(self.mu))[:, None] if self.mu else -m
