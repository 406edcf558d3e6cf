"""Solvers of dy/dt = f(y, t)."""

from collections.abc import Callable
from itertools import pairwise
from typing import Protocol

import torch
import torchdiffeq
from torch import Tensor

from networks.checks import positive
from networks.errors import InputError

Field = Callable[[Tensor, Tensor], Tensor]  #: y of B×… and a time (no axes) → dy/dt of B×…


class Solver(Protocol):
    """How an ordinary differential equation is integrated."""

    def integrate(self, field: Field, y: Tensor, times: Tensor) -> Tensor:
        """y at the last of ``times`` (rising or falling), from y at the first; differentiable."""
        ...


class Midpoint:
    """One step from each time to the next: y + h f(y + h/2 f(y, t), t + h/2); error O(h²), two evaluations."""

    def integrate(self, field: Field, y: Tensor, times: Tensor) -> Tensor:
        for t, end in pairwise(times):
            h = end - t
            y = y + h * field(y + h / 2 * field(y, t), t + h / 2)
        return y


class RK4:
    """The classical Runge-Kutta step from each time to the next; error O(h⁴), four evaluations."""

    def integrate(self, field: Field, y: Tensor, times: Tensor) -> Tensor:
        for t, end in pairwise(times):
            h = end - t
            k1 = field(y, t)
            k2 = field(y + h / 2 * k1, t + h / 2)
            k3 = field(y + h / 2 * k2, t + h / 2)
            k4 = field(y + h * k3, end)
            y = y + h / 6 * (k1 + 2 * k2 + 2 * k3 + k4)
        return y


class Adaptive:
    """Dormand & Prince's method of order 5 with steps of its own between the first and the last time (torchdiffeq).

    The steps are those that the worst sample of the batch needs: every sample is within the
    tolerance, but its result depends on its neighbours within that. Searches, which are to be
    independent to rounding, want fixed steps; this is for measuring them.

    Args:
        rtol, atol: relative and absolute tolerance of a step, by the root mean square of a sample.
    """

    def __init__(self, rtol: float = 1e-5, atol: float = 1e-5) -> None:
        InputError.collect(positive(rtol=rtol, atol=atol))
        self.rtol, self.atol = rtol, atol

    def integrate(self, field: Field, y: Tensor, times: Tensor) -> Tensor:
        ends = torch.stack([times[0], times[-1]])
        path = torchdiffeq.odeint(
            lambda t, y: field(y, t), y, ends, rtol=self.rtol, atol=self.atol, options={"norm": _worst_sample}
        )
        return path[-1]


def _worst_sample(y: Tensor) -> Tensor:
    return y.flatten(1).square().mean(1).sqrt().max() if y.ndim > 1 else y.abs().max()
