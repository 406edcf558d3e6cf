"""Pixels: the control."""

from collections.abc import Sequence
from math import prod

from torch import Tensor

from counterfactuals.charts.chart import Chart
from networks.checks import each, whole
from networks.errors import InputError


class PixelChart(Chart):
    """z = x: ascent in these coordinates gives adversarial examples, the control of every run."""

    exact = True

    def __init__(self, shape: Sequence[int]) -> None:
        super().__init__()
        InputError.collect(each(whole, 1, shape=shape))
        self.shape = tuple(shape)
        self.dim = prod(shape)

    def encode(self, x: Tensor) -> Tensor:
        return x.flatten(1)

    def decode(self, z: Tensor) -> Tensor:
        return z.view(-1, *self.shape)
