"""Charts: the coordinates in which a search walks."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from networks.errors import InputError


class Chart(nn.Module):
    """A pair encode(x) → z, decode(z) → x with z one float tensor of B×D.

    Attributes:
        exact: whether decode ∘ encode is the identity (up to rounding).
        shape: shape of one sample x.
        dim: D.
        locked: coordinates that no search moves and no distance in Z counts, D bool, e.g. what a chart notes of x
            beside its latent; ``None`` for none. ``decode`` need not give them a gradient.
        names: of the first coordinates, where they mean something to people; attributes, for example.
        decoders: names of the methods that give x, alone or last.
    """

    exact: bool
    shape: tuple[int, ...]
    dim: int
    locked: Tensor | None
    names: tuple[str, ...] = ()
    decoders: tuple[str, ...] = ("decode",)

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("locked", None, persistent=False)

    def free(self, z: Tensor) -> Tensor:
        """The coordinates of z (B×D) that are not locked."""
        return z if self.locked is None else z[:, ~self.locked]

    def filled(self, free: Tensor) -> Tensor:
        """z of B×D with these free coordinates, and zeros where it is locked."""
        if self.locked is None:
            return free
        z = free.new_zeros(len(free), self.dim)
        z[:, ~self.locked.to(z.device)] = free
        return z

    def lock(self, names: Sequence[str]) -> None:
        """Lock these coordinates, too.

        Raises:
            InputError: names that it has not, or nothing is left to move.
        """
        if not names:
            return
        if unknown := [name for name in names if name not in self.names]:
            known = f"the chart's names are {', '.join(self.names)}" if self.names else "the chart has no names"
            raise InputError(f"locked names {', '.join(map(repr, unknown))}; {known}")
        locked = torch.zeros(self.dim, dtype=torch.bool) if self.locked is None else self.locked.clone()
        locked[[self.names.index(name) for name in names]] = True
        if locked.all():
            raise InputError(f"locked names {', '.join(names)}, which leaves nothing that a search could change")
        self.locked = locked

    def named(self, z: Tensor) -> Tensor:
        """The coordinates of z (B×D) that have ``names``, in units that mean something to people."""
        return z[:, : len(self.names)]

    def project(self, z: Tensor) -> Tensor:
        """z of B×D within what the chart has bounds for; z itself unless it has any."""
        return z

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

    def draw(self, n: int, generator: torch.Generator) -> Tensor:
        """n points to look at the chart's own samples from, n×D on the CPU: normal, unless it knows better."""
        free = self.dim if self.locked is None else int((~self.locked).sum())
        return self.filled(torch.randn(n, free, generator=generator))

    def resampled(self, x: Tensor, generator: torch.Generator) -> Tensor:
        """Points to look at the chart's own samples from, as many as images x of B×``shape``; B×D.

        Drawn, and of a chart without a prior what it makes of these images when it is told to change them.
        """
        return self.draw(len(x), generator).to(x)

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
