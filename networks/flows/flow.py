"""What every normalizing flow offers: z = f(x), x = g(z), log q(x)."""

import math
from collections.abc import Sequence
from typing import NamedTuple

import torch
from FrEIA.modules import InvertibleModule
from torch import Tensor, nn


class Latent(NamedTuple):
    """Result of the forward direction.

    Attributes:
        z: latent, B×D.
        log_det: log|det ∂z/∂x|, B, in nats.
    """

    z: Tensor
    log_det: Tensor


class Flow(nn.Module):
    """A diffeomorphism between samples x and flat latents z with a standard normal base.

    Args:
        shape: shape of one sample.
        layers: invertible layers in FrEIA's convention, from x of B×``shape`` to z of B×D.
        levels: grey values of the images that it models; ``None`` for continuous data.
    """

    def __init__(self, shape: Sequence[int], layers: InvertibleModule, levels: int | None = None) -> None:
        super().__init__()
        self.shape = tuple(shape)
        self.dim = math.prod(shape)
        self.layers = layers
        self.levels = levels

    def forward(self, x: Tensor) -> Latent:
        """f: x of B×``shape`` → z of B×D and log|det ∂z/∂x| of B."""
        z, log_det = self.layers(x)
        return Latent(z, log_det)

    def inverse(self, z: Tensor) -> Tensor:
        """g = f⁻¹: z of B×D → x of B×``shape``."""
        x, _ = self.layers(z, rev=True, jac=False)
        return x

    def log_prob(self, x: Tensor) -> Tensor:
        """log q(x) = log q_Z(f(x)) + log|det ∂z/∂x| (Dombrowski et al., eq. 6); B, in nats."""
        z, log_det = self(x)
        log_base = -0.5 * (z.square().sum(1) + self.dim * math.log(2 * math.pi))
        return log_base + log_det

    def sample(self, n: int, temperature: float = 1.0, generator: torch.Generator | None = None) -> Tensor:
        """n samples g(z), z ~ N(0, temperature²); n×``shape``."""
        weight = next(self.parameters())
        z = torch.randn(n, self.dim, generator=generator).to(weight)
        return self.inverse(temperature * z)
