"""Adam with a state of its own for every row."""

import math
from typing import NamedTuple

import torch
from torch import Tensor


class AdamState(NamedTuple):
    """First and second moment, N×D each, and the steps that each row has taken, N."""

    m: Tensor
    v: Tensor
    t: Tensor


class Adam:
    """Displacement −m̂ / (√v̂ + ε) for a step size of one (Kingma & Ba 2015, algorithm 1).

    As in Dombrowski et al. Its first steps are the gradient's signs: every coordinate moves equally
    far, those that hold noise as much as those that hold strokes. ``Momentum`` does not.

    Args:
        betas, eps: β₁, β₂ and ε.
    """

    def __init__(self, betas: tuple[float, float] = (0.9, 0.999), eps: float = 1e-8) -> None:
        self.betas, self.eps = betas, eps

    def start(self, z: Tensor) -> AdamState:
        """State of N rows that have not moved yet; z of N×D."""
        return AdamState(torch.zeros_like(z), torch.zeros_like(z), z.new_zeros(len(z)))

    def step(self, state: AdamState, rows: Tensor, grad: Tensor) -> Tensor:
        """Displacement n×D of the given rows (n int64), from their gradients (n×D).

        Updates ``state`` in place at ``rows`` alone: a row that has ended is never touched, whereas a
        shared Adam's momentum would go on moving it.
        """
        b1, b2 = self.betas
        m = state.m[rows].lerp_(grad, 1 - b1)
        v = state.v[rows].mul_(b2).addcmul_(grad, grad, value=1 - b2)
        t = state.t[rows] + 1
        state.m[rows], state.v[rows], state.t[rows] = m, v, t
        # 1 − βᵗ by expm1: the plain difference loses four digits of float32 in the first steps.
        m_hat = m / -torch.expm1(t * math.log(b1))[:, None]
        v_hat = v / -torch.expm1(t * math.log(b2))[:, None]
        return -m_hat / (v_hat.sqrt() + self.eps)
