"""Adam with a state of its own for every row."""

import math
from typing import Any, NamedTuple

import torch
from torch import Tensor

from networks.checks import below_one, each, positive
from networks.errors import InputError


class AdamState(NamedTuple):
    """First and second moment, n×D each, and the steps that each row has taken, n."""

    m: Tensor
    v: Tensor
    t: Tensor


class Move(NamedTuple):
    """What a row optimiser does: its next state, and the displacement of n rows, n×D."""

    state: Any
    displacement: Tensor


class Adam:
    """Displacement −m̂ / (√v̂ + ε) for a step size of one (Kingma & Ba 2015, algorithm 1).

    As in Dombrowski et al. Its first steps are the gradient's signs: every coordinate moves equally
    far, those that hold noise as much as those that hold strokes. ``Momentum`` does not.

    Args:
        betas, eps: β₁, β₂ and ε.

    Raises:
        InputError: a β outside of [0, 1), or an ε that is not positive.
    """

    def __init__(self, betas: tuple[float, float] = (0.9, 0.999), eps: float = 1e-8) -> None:
        if not isinstance(betas, (tuple, list)) or len(betas) != 2:
            raise InputError(f"betas must be two numbers, β₁ and β₂; got {betas!r}")
        InputError.collect(each(below_one, betas=betas) + positive(eps=eps))
        self.betas, self.eps = betas, eps

    def start(self, z: Tensor) -> AdamState:
        """State of n rows that have not moved yet; z of n×D."""
        return AdamState(torch.zeros_like(z), torch.zeros_like(z), z.new_zeros(len(z)))

    def step(self, state: AdamState, grad: Tensor, excess: Tensor) -> Move:
        """The next state and the displacement, n×D, from gradients n×D; the excess loss (n) is not used."""
        b1, b2 = self.betas
        m, v, t = state.m.lerp(grad, 1 - b1), state.v.mul(b2).addcmul(grad, grad, value=1 - b2), state.t + 1
        # 1 − βᵗ by expm1: the plain difference loses four digits of float32 in the first steps.
        m_hat = m / -torch.expm1(t * math.log(b1))[:, None]
        v_hat = v / -torch.expm1(t * math.log(b2))[:, None]
        return Move(AdamState(m, v, t), -m_hat / (v_hat.sqrt() + self.eps))
