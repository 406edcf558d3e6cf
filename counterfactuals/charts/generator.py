"""The latent space of a generator that has no encoder."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from counterfactuals.charts.chart import Chart
from counterfactuals.inversion import Inversion, Optimised, dim_of
from networks.checks import interval, objects
from networks.errors import InputError
from networks.weights import load_weights


class GeneratorChart(Chart):
    """z = argmin ‖g(ẑ) − x‖, x ≈ g(z) of a GAN's generator: approximately diffeomorphic (Dombrowski et al., II.D).

    Args:
        generator: any module z of B×D → x of B×``shape``; one of ``networks.gans``, or a stranger's.
        inversion: how z is found; ``Optimised()`` unless given.
        latent_dim: D, where the generator has neither ``dim`` nor ``latent_dim``.
        weights: file with the generator's state dict, for one that is built without.
        values: what the generator's smallest and largest values are, e.g. (−1, 1); they become [0, 1].

    Raises:
        InputError: a class in place of an object, weights of another network, no interval, a generator that does not
            take z of B×D, or makes no samples of them.
    """

    exact = False
    reads_files = ("weights",)  #: never opened because a checkpoint says so

    def __init__(
        self,
        generator: nn.Module,
        inversion: Inversion | None = None,
        latent_dim: int | None = None,
        weights: str | None = None,
        values: tuple[float, float] = (0.0, 1.0),
    ) -> None:
        super().__init__()
        InputError.collect(
            objects(nn.Module, generator=generator) + objects(Inversion, inversion=inversion) + interval(values=values)
        )
        if weights is not None:
            load_weights(generator, weights, type(generator).__name__)
        if latent_dim is not None:
            generator.dim = latent_dim  # type: ignore[assignment]  # a stranger's says nothing of it
        self.generator, self.inversion, self.values = generator, inversion or Optimised(), values
        held = [part for part in vars(self.inversion).values() if isinstance(part, nn.Module)]
        self.held = nn.ModuleList(held)  # so that they move with the chart
        self.dim = dim_of(generator)
        self.shape = tuple(getattr(generator, "shape", None) or self._made())

    @torch.no_grad()
    def _made(self) -> Sequence[int]:
        """The shape of what the generator makes of one z."""
        device = next((p.device for p in self.generator.parameters()), torch.device("cpu"))
        try:
            x = self.generator(torch.zeros(2, self.dim, device=device))
        except Exception as error:  # a stranger's network raises anything
            raise InputError(f"{type(self.generator).__name__} cannot take z of 2×{self.dim}: {error}") from error
        if not isinstance(x, Tensor) or x.ndim < 2 or len(x) != 2:
            raise InputError(f"{type(self.generator).__name__} makes no samples of z of 2×{self.dim}")
        return x.shape[1:]

    def encode(self, x: Tensor) -> Tensor:
        low, high = self.values
        return self.inversion.encode(self.generator, low + (high - low) * x)

    def draw(self, n: int, generator: torch.Generator) -> Tensor:
        own = getattr(self.generator, "draw", None)
        return super().draw(n, generator) if own is None else own(n, None, generator).cpu()

    def decode(self, z: Tensor) -> Tensor:
        low, high = self.values
        return (self.generator(z) - low) / (high - low)
