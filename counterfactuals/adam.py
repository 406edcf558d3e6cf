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

    @classmethod
    def zeros_like(cls, z: Tensor) -> "AdamState":
        return cls(torch.zeros_like(z), torch.zeros_like(z), z.new_zeros(len(z)))


def adam_step(
    state: AdamState,
    rows: Tensor,
    grad: Tensor,
    step_size: float,
    betas: tuple[float, float] = (0.9, 0.999),
    eps: float = 1e-8,
) -> Tensor:
    """Displacement −η m̂ / (√v̂ + ε) of the given rows (Kingma & Ba 2015, algorithm 1).

    Updates ``state`` in place at ``rows`` alone: a row that has ended is never touched, whereas a
    shared Adam's momentum would go on moving it.

    Args:
        state: moments of all N rows.
        rows: indices of the n rows that step, int64.
        grad: their gradients, n×D.
        step_size: η, in units of z.

    Returns:
        n×D, to be added to those rows of z.
    """
    b1, b2 = betas
    m = state.m[rows].lerp_(grad, 1 - b1)
    v = state.v[rows].mul_(b2).addcmul_(grad, grad, value=1 - b2)
    t = state.t[rows] + 1
    state.m[rows], state.v[rows], state.t[rows] = m, v, t
    # 1 − βᵗ by expm1: the plain difference loses four digits of float32 in the first steps.
    m_hat = m / -torch.expm1(t * math.log(b1))[:, None]
    v_hat = v / -torch.expm1(t * math.log(b2))[:, None]
    return -step_size * m_hat / (v_hat.sqrt() + eps)
