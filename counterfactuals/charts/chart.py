"""Charts: the coordinates in which a search walks."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from torch import Tensor, nn


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
