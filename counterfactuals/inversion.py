"""From an image back to the z of a generator that has no encoder."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol, cast, runtime_checkable

import torch
from torch import Tensor, nn

from counterfactuals.charts.pixel import PixelChart
from counterfactuals.engine import Problem, Stepped, run
from counterfactuals.freeze import frozen
from counterfactuals.goals.objectives import ReachClass
from counterfactuals.steps.adam import Adam, AdamState
from counterfactuals.steps.schedules import Cosine, Schedule
from networks.checks import above_zero, not_negative, objects, seeds, whole
from networks.errors import InputError

SLOTS = 256  # rows under way at a time; halved where memory does not suffice


@runtime_checkable
class Inversion(Protocol):
    """How z is found whose g(z) is x."""

    def encode(self, generator: nn.Module, x: Tensor) -> Tensor:
        """z of B×D of x of B×``shape``; a row's z does not depend on its neighbours."""
        ...


@dataclass(frozen=True)
class Inverted:
    """What n inversions have come to.

    Attributes:
        z: n×D.
        error: root mean square of h(g(z)) − h(x), n.
        steps: that the best start has taken, n int64.
    """

    z: Tensor
    error: Tensor
    steps: Tensor

    def __len__(self) -> int:
        return len(self.z)


class Optimised:
    """z = argmin ‖h(g(ẑ)) − h(x)‖ by Adam, from several starts of which the best counts (Dombrowski et al., II.D).

    Every start is a row of the search engine, which hands the slot of one that has ended to the next. The starts are
    the prior's, the same for every image; where there is an encoder its z is the first.

    Args:
        steps: of each start, at most.
        starts: s.
        step_size: of Adam, in units of z; it falls to zero by ``schedule``.
        features: h, x of n×``shape`` → n×F; ``None`` for the identity.
        encoder: x → z of B×D, to start from; ``None`` for none. With it one start is usual.
        good_enough: root mean square error at which a start ends; 0 for never.
        prior_weight: of ½‖z‖²/D beside the mean square error: what the generator was trained on is a good start.
        schedule: of the step size; ``None`` keeps it.
        seed: of the starts.

    Raises:
        InputError: a number out of its range, or a class in place of an object.
    """

    def __init__(
        self,
        steps: int = 500,
        starts: int = 4,
        step_size: float = 0.05,
        features: nn.Module | None = None,
        encoder: nn.Module | None = None,
        good_enough: float = 0.0,
        prior_weight: float = 0.0,
        schedule: Schedule | None = None,
        seed: int = 0,
    ) -> None:
        InputError.collect(
            whole(1, starts=starts)
            + whole(0, steps=steps)
            + above_zero(step_size=step_size)
            + not_negative(good_enough=good_enough, prior_weight=prior_weight)
            + objects(nn.Module, features=features, encoder=encoder)
            + objects(Schedule, schedule=schedule)
            + seeds(seed=seed)
        )
        self.steps, self.starts, self.step_size = steps, starts, step_size
        self.features = None if features is None else features.eval().requires_grad_(False)
        self.encoder = encoder  # as it is: it may be one that is being trained
        self.good_enough, self.prior_weight, self.seed = good_enough, prior_weight, seed
        self.schedule = schedule or Cosine()

    def encode(self, generator: nn.Module, x: Tensor) -> Tensor:
        return self.invert(generator, x).z

    def invert(self, generator: nn.Module, x: Tensor) -> Inverted:
        """The same, with each row's error and steps."""
        with torch.inference_mode(False):  # where a validation may be; there are no gradients in it
            return self._invert(generator, x.clone())

    def _invert(self, generator: nn.Module, x: Tensor) -> Inverted:
        if not len(x):
            return Inverted(x.new_zeros(0, dim_of(generator)), x.new_zeros(0), torch.zeros(0, dtype=torch.int64))
        rows, start = x.repeat_interleave(self.starts, 0), torch.arange(self.starts, device=x.device).repeat(len(x))
        problem = Problem(generator, PixelChart(x.shape[1:]), ReachClass())  # only its predictor, g, is used
        z = x.new_zeros(len(rows), dim_of(generator))
        error, steps = x.new_full((len(rows),), torch.inf), torch.zeros(len(rows), dtype=torch.int64, device=x.device)
        with frozen(generator):
            for ended in run(cast(Any, _Descent(self)), problem, rows, start, SLOTS):
                found = cast(Any, ended.counterfactuals)
                z[ended.rows], error[ended.rows], steps[ended.rows] = found.z, found.error, found.steps
        best = error.view(-1, self.starts).argmin(1) + self.starts * torch.arange(len(x), device=x.device)
        return Inverted(z[best], error[best], steps[best])

    def first(self, generator: nn.Module, x: Tensor, start: Tensor) -> Tensor:
        """Where rows begin, n×D: x's own encoding at start 0 if there is an encoder, else draws of the prior."""
        drawn = _draw(generator, self.starts, self.seed).to(x)
        z = drawn[start]
        if self.encoder is not None:
            own = start == 0
            z[own] = self.encoder(x[own]).to(z)
        return z


class DescentState(NamedTuple):
    """n descents under way: x, h(x), where they are, Adam's moments, and the best so far."""

    x: Tensor
    wanted: Tensor
    z: Tensor
    adam: AdamState
    steps: Tensor
    best_z: Tensor
    best_error: Tensor


class _Descent:
    """As a method of the engine: "target" is the number of the start."""

    def __init__(self, settings: Optimised) -> None:
        self.settings, self.adam = settings, Adam()

    @torch.no_grad()
    def start(self, problem: Problem, x: Tensor, target: Tensor) -> Stepped:
        z = self.settings.first(problem.predictor, x, target)
        steps, error = torch.zeros_like(target), x.new_full((len(x),), torch.inf)
        state = DescentState(x, self._seen(x), z, self.adam.start(z), steps, z, error)
        return Stepped(state, torch.zeros_like(target, dtype=torch.bool))

    def step(self, problem: Problem, state: DescentState) -> Stepped:
        own = self.settings
        z = state.z.detach().requires_grad_()
        with torch.enable_grad():
            off = (self._seen(problem.predictor(z)) - state.wanted).flatten(1).square().mean(1)
            loss = off + own.prior_weight * 0.5 * z.square().mean(1)
            (grad,) = torch.autograd.grad(loss.sum(), z)
        error = torch.where(off.isfinite(), off.detach().sqrt(), torch.inf)
        better = error < state.best_error
        best_z, best = torch.where(better[:, None], state.z, state.best_z), torch.minimum(error, state.best_error)
        done = (state.steps >= own.steps) | (best <= own.good_enough) | ~grad.isfinite().all(1)
        adam, displacement = self.adam.step(state.adam, grad, off.detach())
        factor = own.step_size * own.schedule.factor(state.steps, max(own.steps, 1))[:, None]
        moved = torch.where(done[:, None], state.z, state.z + factor * displacement)
        steps = state.steps + (~done).long()
        return Stepped(state._replace(z=moved, adam=adam, steps=steps, best_z=best_z, best_error=best), done)

    def result(self, problem: Problem, state: DescentState) -> Inverted:
        return Inverted(state.best_z, state.best_error, state.steps)

    def _seen(self, x: Tensor) -> Tensor:
        features = self.settings.features
        return x if features is None else features(x)


class Amortised:
    """z by an encoder at once, and then so many steps of ``Optimised`` from there.

    Args:
        encoder: x of B×``shape`` → z of B×D (``InverterModule`` trains one).
        steps: afterwards; 0 for none.
        step_size: of Adam, in units of z.

    Raises:
        InputError: a number out of its range, or a class in place of an object.
    """

    def __init__(self, encoder: nn.Module, steps: int = 20, step_size: float = 0.05) -> None:
        self.refined = Optimised(steps, 1, step_size, encoder=encoder)
        self.encoder, self.steps = encoder, steps

    def encode(self, generator: nn.Module, x: Tensor) -> Tensor:
        if not self.steps:
            with torch.no_grad():
                return self.encoder(x)
        return self.refined.encode(generator, x)


def dim_of(generator: nn.Module) -> int:
    """D, coordinates of a generator's z.

    Raises:
        InputError: it does not say.
    """
    for name in ("dim", "latent_dim"):
        if isinstance(value := getattr(generator, name, None), int):
            return value
    raise InputError(
        f"{type(generator).__name__} does not say how many numbers its z has: give it an attribute dim, or "
        "pass latent_dim"
    )


def _draw(generator: nn.Module, n: int, seed: int) -> Tensor:
    """n z of the generator's own prior where it has one, else normal; n×D."""
    drawn = torch.Generator().manual_seed(seed)
    own: Callable[..., Tensor] | None = getattr(generator, "draw", None)
    return torch.randn(n, dim_of(generator), generator=drawn) if own is None else own(n, None, drawn)
