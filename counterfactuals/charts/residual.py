"""What an approximate chart leaves out, added again: any of them becomes exact."""

from collections.abc import Sequence
from math import prod

import torch
from torch import Tensor

from counterfactuals.charts.chart import Chart
from networks.errors import InputError


class WithResidual(Chart):
    """z = (latent, x − g(latent)), and decode(z) = g(latent) + residual: x comes back as it was.

    A chart of few dimensions gives back a likeness of x, and its counterfactual is that of the likeness. Here the
    latent alone moves, and what the chart could not say of x, its residual, stays as it is: encode is a bijection onto
    its image. Distances in Z count the latent alone (``Chart.locked``).

    Args:
        chart: approximate coordinates.

    Raises:
        InputError: coordinates that are exact already.
    """

    exact = True

    def __init__(self, chart: Chart) -> None:
        super().__init__()
        if chart.exact:
            raise InputError(f"{type(chart).__name__} gives x back as it is: there is no residual to add; leave it out")
        self.chart, self.shape, self.names = chart, chart.shape, chart.names
        self.dim = chart.dim + prod(chart.shape)
        own = torch.zeros(chart.dim, dtype=torch.bool) if chart.locked is None else chart.locked
        self.locked = torch.cat([own, torch.ones(prod(chart.shape), dtype=torch.bool)])

    def explaining(self, predictor: torch.nn.Module) -> None:
        self.chart.explaining(predictor)

    def encode(self, x: Tensor) -> Tensor:
        latent = self.chart.encode(x)
        with torch.no_grad():
            residual = x - self.chart.decode(latent)
        return torch.cat([latent, residual.flatten(1)], 1)

    def lock(self, names: Sequence[str]) -> None:
        self.chart.lock(names)
        super().lock(names)

    def named(self, z: Tensor) -> Tensor:
        return self.chart.named(z[:, : self.chart.dim])

    def project(self, z: Tensor) -> Tensor:
        return torch.cat([self.chart.project(z[:, : self.chart.dim]), z[:, self.chart.dim :]], 1)

    def draw(self, n: int, generator: torch.Generator) -> Tensor:
        return torch.cat([self.chart.draw(n, generator), torch.zeros(n, prod(self.shape))], 1)

    def resampled(self, x: Tensor, generator: torch.Generator) -> Tensor:
        return torch.cat([self.chart.resampled(x, generator), torch.zeros_like(x).flatten(1)], 1)

    def decode(self, z: Tensor) -> Tensor:
        latent, residual = z[:, : self.chart.dim], z[:, self.chart.dim :].detach()
        return self.chart.decode(latent) + residual.view(len(z), *self.shape)
