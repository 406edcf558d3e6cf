"""How the step size changes on the way of a search."""

import math
from typing import Protocol

import torch
from torch import Tensor

from networks.checks import finite
from networks.errors import InputError


class Schedule(Protocol):
    """Factors of the step size."""

    def factor(self, steps: Tensor, max_steps: int) -> Tensor:
        """From the steps that each row has taken (n int64) its factor, n."""
        ...


class Cosine:
    """½ (1 + cos(π k / max_steps)): from one to zero over the allowed steps."""

    def factor(self, steps: Tensor, max_steps: int) -> Tensor:
        return 0.5 * (1 + torch.cos(math.pi * steps / max_steps))


class Exponential:
    """2^(−k / half_life).

    Args:
        half_life: steps after which the size has halved; negative ones make it double.
    """

    def __init__(self, half_life: float) -> None:
        if finite(half_life=half_life) or half_life == 0:
            raise InputError(f"half_life must be a finite number other than 0; got {half_life!r}")
        self.half_life = half_life

    def factor(self, steps: Tensor, max_steps: int) -> Tensor:
        return torch.exp2(-steps / self.half_life)
