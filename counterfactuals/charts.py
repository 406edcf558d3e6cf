"""Charts: the coordinates in which a search walks."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from math import prod
from typing import Any, cast

from torch import Tensor, nn

from networks.checks import each, whole
from networks.errors import InputError
from networks.flows import Flow


class Chart(nn.Module):
    """A pair encode(x) → z, decode(z) → x with z one float tensor of B×D.

    Attributes:
        exact: whether decode ∘ encode is the identity (up to rounding).
        shape: shape of one sample x.
        dim: D.
        decoders: names of the methods that give x, alone or last.
    """

    exact: bool
    shape: tuple[int, ...]
    dim: int
    decoders: tuple[str, ...] = ("decode",)

    def encode(self, x: Tensor) -> Tensor:
        """x of B×``shape`` → z of B×D."""
        raise NotImplementedError

    def decode(self, z: Tensor) -> Tensor:
        """z of B×D → x of B×``shape``; differentiable."""
        raise NotImplementedError

    def explaining(self, predictor: nn.Module) -> None:
        """Told which predictor is to be explained, before the first search; coordinates that depend on it note it.

        Raises:
            InputError: coordinates that were made for another one.
        """

    def encode_with_log_prob(self, x: Tensor) -> tuple[Tensor, Tensor | None]:
        """encode(x), and log q(x) of B in nats where the chart has a density, otherwise ``None``."""
        return self.encode(x), None


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


class Decodes:
    """Rows that a chart has decoded: what a search costs, whatever its method calls a step.

    Attributes:
        count: so far.
    """

    def __init__(self) -> None:
        self.count = 0


@contextmanager
def counting(chart: Chart) -> Iterator[Decodes]:
    """Counts the rows that the chart's ``decoders`` give inside; not to be nested."""
    decodes = Decodes()

    def counted(decoder: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **kwargs: Any) -> Any:
            result = decoder(*args, **kwargs)
            decodes.count += len(result if isinstance(result, Tensor) else result[-1])
            return result

        return call

    for name in chart.decoders:
        setattr(chart, name, counted(getattr(chart, name)))  # on this object alone
    try:
        yield decodes
    finally:
        for name in chart.decoders:
            delattr(chart, name)
