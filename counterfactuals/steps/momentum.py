"""Steps of one length along the gradient's direction."""

import math
from typing import NamedTuple

import torch
from torch import Tensor

from counterfactuals.steps.adam import Move
from networks.checks import below_one
from networks.errors import InputError

TINY = 1e-12  # a gradient of zero has no direction


class MomentumState(NamedTuple):
    """Mean of the past directions, n×D, and the steps that each row has taken, n."""

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
        InputError.collect(below_one(mu=mu))
        self.mu = mu

    def start(self, z: Tensor) -> MomentumState:
        """State of n rows that have not moved yet; z of n×D."""
        return MomentumState(torch.zeros_like(z), z.new_zeros(len(z)))

    def step(self, state: MomentumState, grad: Tensor, excess: Tensor) -> Move:
        """The next state and the displacement, n×D, from gradients n×D; the excess loss (n) is not used."""
        direction = grad / grad.norm(dim=1, keepdim=True).clamp(min=TINY)
        m, t = state.m.lerp(direction, 1 - self.mu), state.t + 1
        return Move(MomentumState(m, t), -m / -torch.expm1(t * math.log(self.mu))[:, None] if self.mu else -m)
