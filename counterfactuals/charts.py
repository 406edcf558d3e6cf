"""Charts: the coordinates in which a search walks."""

from collections.abc import Sequence
from math import prod
from typing import Any, cast

from torch import Tensor, nn

from networks.flows import Flow


class Chart(nn.Module):
    """A pair encode(x) → z, decode(z) → x with z one float tensor of B×D.

    Attributes:
        exact: whether decode ∘ encode is the identity (up to rounding).
        shape: shape of one sample x.
        dim: D.
    """

    exact: bool
    shape: tuple[int, ...]
    dim: int

    def encode(self, x: Tensor) -> Tensor:
        """x of B×``shape`` → z of B×D."""
        raise NotImplementedError

    def decode(self, z: Tensor) -> Tensor:
        """z of B×D → x of B×``shape``; differentiable."""
        raise NotImplementedError

    def encode_with_log_prob(self, x: Tensor) -> tuple[Tensor, Tensor | None]:
        """encode(x), and log q(x) of B in nats where the chart has a density, otherwise ``None``."""
        return self.encode(x), None


class PixelChart(Chart):
    """z = x: ascent in these coordinates gives adversarial examples, the control of every run."""

    exact = True

    def __init__(self, shape: Sequence[int]) -> None:
        super().__init__()
        self.shape = tuple(shape)
        self.dim = prod(shape)

    def encode(self, x: Tensor) -> Tensor:
        return x.flatten(1)

    def decode(self, z: Tensor) -> Tensor:
        return z.view(-1, *self.shape)


class FlowChart(Chart):
    """z = f(x) of a normalizing flow: diffeomorphic counterfactuals (Dombrowski et al., II.C).

    Exact up to rounding, and with a ``ContinuousFlow`` up to its solver's error, which its training kept
    below the one asked for.
    """

    exact = True

    def __init__(self, flow: Flow) -> None:
        super().__init__()
        self.flow = flow
        self.shape = flow.shape
        self.dim = flow.dim

    def encode(self, x: Tensor) -> Tensor:
        return self.flow.encode(x)

    def decode(self, z: Tensor) -> Tensor:
        return self.flow.inverse(z)

    def encode_with_log_prob(self, x: Tensor) -> tuple[Tensor, Tensor | None]:
        return self.flow.encode_with_log_prob(x)


class AutoencoderChart(Chart):
    """z = e(x), x ≈ g(z) of an autoencoder: approximately diffeomorphic counterfactuals (Dombrowski et al., II.D).

    Of fewer dimensions than x: a search cannot leave g(Z) at all, but starts from e(x)'s decoding instead of x.

    Args:
        autoencoder: a module with ``encode``, ``decode``, ``shape`` and ``latent_dim``, such as
            ``networks.ConvAutoencoder`` or ``networks.ConvVAE``.
    """

    exact = False

    def __init__(self, autoencoder: nn.Module) -> None:
        super().__init__()
        self.autoencoder = cast(Any, autoencoder)  # nn.Module's type knows nothing of these methods
        self.shape = tuple(self.autoencoder.shape)
        self.dim = self.autoencoder.latent_dim

    def encode(self, x: Tensor) -> Tensor:
        return self.autoencoder.encode(x)

    def decode(self, z: Tensor) -> Tensor:
        return self.autoencoder.decode(z)


class CountedChart(Chart):
    """Another chart, and how many rows it has decoded: what a search costs whatever its method.

    Attributes:
        decodes: rows decoded since it was made.
    """

    def __init__(self, chart: Chart) -> None:
        super().__init__()
        self.chart, self.decodes = chart, 0
        self.exact, self.shape, self.dim = chart.exact, chart.shape, chart.dim

    def encode(self, x: Tensor) -> Tensor:
        return self.chart.encode(x)

    def decode(self, z: Tensor) -> Tensor:
        self.decodes += len(z)
        return self.chart.decode(z)

    def encode_with_log_prob(self, x: Tensor) -> tuple[Tensor, Tensor | None]:
        return self.chart.encode_with_log_prob(x)
