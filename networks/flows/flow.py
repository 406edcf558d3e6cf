"""What every normalizing flow offers: z = f(x), x = g(z), log q(x)."""

import math
from collections.abc import Sequence
from typing import NamedTuple

import torch
import torch.nn.functional as F
from FrEIA.modules import InvertibleModule
from torch import Tensor, nn

from networks.errors import InputError
from networks.flows.layers.dequantize import levels_per_cell


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
        num_conditions: classes, or entries of the attribute vector, that it is conditional on.
        n_bits: bits of the grey values that it models, where they are not all (see ``dequantize``).

    A conditional flow takes a ``condition`` everywhere: class indices (B, int64) or attribute
    vectors (B×``num_conditions``, float); any other flow takes none.
    """

    def __init__(
        self,
        shape: Sequence[int],
        layers: InvertibleModule,
        levels: int | None = None,
        num_conditions: int = 0,
        n_bits: int | None = None,
    ) -> None:
        super().__init__()
        self.shape = tuple(shape)
        self.dim = math.prod(shape)
        self.layers = layers
        self.levels = levels
        self.num_conditions = num_conditions
        self.n_bits = n_bits
        if levels is not None:
            levels_per_cell(levels, n_bits)

    def forward(self, x: Tensor, condition: Tensor | None = None) -> Latent:
        """f: x of B×``shape`` → z of B×D and log|det ∂z/∂x| of B."""
        (z,), log_det = self.layers([x], self._condition(condition))
        return Latent(z, log_det)

    def encode(self, x: Tensor, condition: Tensor | None = None) -> Tensor:
        """z = f(x) alone, B×D."""
        return self(x, condition).z

    def inverse(self, z: Tensor, condition: Tensor | None = None) -> Tensor:
        """g = f⁻¹: z of B×D → x of B×``shape``."""
        (x,), _ = self.layers([z], self._condition(condition), rev=True, jac=False)
        return x

    def log_prob(self, x: Tensor, condition: Tensor | None = None) -> Tensor:
        """log q(x) = log q_Z(f(x)) + log|det ∂z/∂x| (Dombrowski et al., eq. 6); B, in nats."""
        return self.encode_with_log_prob(x, condition)[1]

    def encode_with_log_prob(self, x: Tensor, condition: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """z = f(x), B×D, and log q(x), B, at the price of the second."""
        z, log_det = self(x, condition)
        log_base = -0.5 * (z.square().sum(1) + self.dim * math.log(2 * math.pi))
        return z, log_base + log_det

    def sample(
        self,
        n: int,
        temperature: float = 1.0,
        generator: torch.Generator | None = None,
        condition: Tensor | None = None,
    ) -> Tensor:
        """n samples g(z), z ~ N(0, temperature²); n×``shape``."""
        weight = next(self.parameters())
        z = torch.randn(n, self.dim, generator=generator).to(weight)
        return self.inverse(temperature * z, condition)

    def interpolate(self, x: Tensor, other: Tensor, steps: int, condition: Tensor | None = None) -> Tensor:
        """The way from x to other (each B×``shape``) on a straight line in Z; steps×B×``shape``."""
        z, z_other = self.encode(x, condition), self.encode(other, condition)
        return torch.stack(
            [self.inverse(torch.lerp(z, z_other, float(t)), condition) for t in torch.linspace(0, 1, steps)]
        )

    def _condition(self, condition: Tensor | None) -> list[Tensor] | None:
        if (condition is None) != (self.num_conditions == 0):
            raise InputError(
                f"this flow is conditional on {self.num_conditions} classes or attributes: it needs a condition"
                if condition is None
                else "this flow is not conditional: it takes no condition"
            )
        if condition is None:
            return None
        if not condition.is_floating_point():
            if len(condition) and not 0 <= int(condition.min()) <= int(condition.max()) < self.num_conditions:
                raise InputError(
                    f"condition has classes {int(condition.min())} to {int(condition.max())}; "
                    f"this flow knows 0 to {self.num_conditions - 1}"
                )
            condition = F.one_hot(condition, self.num_conditions)
        if condition.shape[1:] != (self.num_conditions,):
            raise InputError(
                f"condition has shape {tuple(condition.shape)}; this flow needs class indices, B, or vectors, "
                f"B×{self.num_conditions}"
            )
        return [condition.to(next(self.parameters()))]
