"""Gradient ascent in the coordinates of a chart."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, Protocol

import torch
from torch import Tensor

from counterfactuals.charts.chart import Chart
from counterfactuals.engine import Problem, RequiresChart, Stepped, learn_by
from counterfactuals.goals.distances import Distance
from counterfactuals.goals.region import Region
from counterfactuals.methods.evaluation import Evaluation, evaluate, exact
from counterfactuals.methods.state import SearchState, begin, conclude, keep, like
from counterfactuals.result import Counterfactuals
from counterfactuals.steps.adam import Adam, Move
from counterfactuals.steps.polyak import goal_problem
from counterfactuals.steps.schedules import Schedule
from counterfactuals.steps.smoothing import Smoothing
from networks.checks import MOST_STEPS, above_zero, each, interval, not_negative, objects, whole
from networks.errors import InputError
from networks.precision import Coarse


class RowOptimizer(Protocol):
    """How gradients become steps, with a state of its own for every row."""

    def start(self, z: Tensor) -> Any:
        """State of n rows that have not moved yet (z of n×D): a NamedTuple of tensors, rows first."""
        ...

    def step(self, state: Any, grad: Tensor, excess: Tensor) -> Move:
        """The displacement for a step size of one, from gradients n×D and the loss in excess of the goal, n."""
        ...


class HeadStart(Protocol):
    """Where an ascent begins, instead of z₀: ``ClosedForm`` is one. May have ``check`` and ``prepare`` of a method."""

    def place(self, problem: Problem, search: SearchState) -> Tensor:
        """z of searches that have not begun, n×D."""
        ...


class AscentState(NamedTuple):
    """n ascents under way.

    Attributes:
        search: where they stand.
        optimizer: state of the row optimiser.
        path: kept points, n×frames×``shape``; ``None`` where they are not kept.
    """

    search: SearchState
    optimizer: Any
    path: Tensor | None


class Ascent:
    """z ← z + Adam(∂ log f_t(g(z)) / ∂z) until f_t(g(z)) > Λ (Dombrowski et al., eq. 5 and algorithm 1).

    Every row has its own optimiser state and ends at its first hit (or ``extra_steps`` later), so a
    row's result does not depend on its neighbours.

    Args:
        step_size: η, in units of z.
        max_steps: steps after which a row times out; its best point so far is kept.
        clip: range that decoded samples are clipped to before the predictor sees them, gradient
            straight through; ``None`` for data without a range.
        keep_every: keep the visited point of x at every so many steps; 0 for none. Memory:
            (max_steps / keep_every + 2)·dim floats for every search under way.
        optimizer: ``Adam`` as in the paper (the default), or ``Momentum``, which keeps the gradient's
            direction.
        extra_steps: steps that a row goes on after its first hit, from the decision boundary into the
            class; the last point that is a hit is kept, and they count in ``steps``.
        distance: what is kept small beside the loss: ℓ(f(g(z)), t) + λ d(x, x₀), as in Joshi et al. 2019
            (*Towards Realistic Individual Recourse*); ``None`` for nothing.
        distance_weight: λ.
        region: pixels that may change; the others stay those of the original. x′ is then the decoded z′
            inside the region alone.
        locked: coordinates of z that may not change.
        schedule: of the step size, e.g. ``Cosine()``; ``None`` keeps it.
        bf16: gradients in bfloat16, 1.4 times as fast on a CPU where wide convolutions are the cost
            (docs/results/speed.md). What is returned is decoded, and every hit confirmed, in float32; but the
            way there depends on the batch by rounding.
        tf32: gradients in TF32 instead, the same way: on GPUs since 2020, where wide convolutions are the cost.
        smoothing: of the predictor's gradient, over noisy or shifted copies of g(z); ``None`` for none.
        head_start: where to begin; z₀ unless given.

    Raises:
        InputError: a number out of its range, a class in place of an object, ``Polyak`` with a distance; on use, a
            region or a locked coordinate outside of the chart's samples.
    """

    def __init__(
        self,
        step_size: float = 0.05,
        max_steps: int = 1000,
        clip: tuple[float, float] | None = (0.0, 1.0),
        keep_every: int = 0,
        optimizer: RowOptimizer | None = None,
        extra_steps: int = 0,
        distance: Distance | None = None,
        distance_weight: float = 1.0,
        region: Region | None = None,
        locked: Sequence[int] = (),
        schedule: Schedule | None = None,
        bf16: bool = False,
        tf32: bool = False,
        smoothing: Smoothing | None = None,
        head_start: HeadStart | None = None,
    ) -> None:
        InputError.collect(
            above_zero(step_size=step_size)
            + whole(1, MOST_STEPS, max_steps=max_steps)
            + whole(0, extra_steps=extra_steps, keep_every=keep_every)
            + not_negative(distance_weight=distance_weight)
            + interval(clip=clip)
            + each(whole, locked=locked)
            + objects(RowOptimizer, optimizer=optimizer)
            + objects(Distance, distance=distance)
            + objects(Region, region=region)
            + objects(Schedule, schedule=schedule)
            + objects(Smoothing, smoothing=smoothing)
            + objects(HeadStart, head_start=head_start)
            + goal_problem(optimizer, distance)
        )
        self.step_size, self.max_steps, self.clip, self.keep_every = step_size, max_steps, clip, keep_every
        self.optimizer, self.extra_steps = optimizer or Adam(), extra_steps
        self.distance, self.distance_weight = distance, distance_weight
        self.region, self.locked, self.schedule = region, list(locked), schedule
        self.coarse, self.smoothing, self.head_start = Coarse(bf16, tf32), smoothing, head_start
        learn_by(self, head_start)

    def check(self, chart: Chart) -> None:
        """Raise ``InputError`` where a region or a locked coordinate lies outside of the chart's samples."""
        outside = [coordinate for coordinate in self.locked if coordinate >= chart.dim]
        if outside:
            raise InputError(f"locked names coordinates {outside}; the chart has {chart.dim}, 0 to {chart.dim - 1}")
        if self.region is not None:
            self.region.mask(chart.shape)
        if isinstance(self.head_start, RequiresChart):
            self.head_start.check(chart)

    def start(self, problem: Problem, x: Tensor, target: Tensor, decode: bool = False) -> Stepped:
        """As ``Method.start``; ``decode`` where the first step will not be at z₀, whose decoding is else kept then."""
        elsewhere = self.head_start is not None
        search, done = begin(problem, x, target, self.clip, decode=decode or elsewhere or self.coarse.any)
        if self.head_start is not None:
            search = search._replace(z=problem.chart.project(self.head_start.place(problem, search)))
        path = None
        if self.keep_every:
            frames = self.max_steps // self.keep_every + 2
            path = search.best_x[:, None].expand(-1, frames, *x.shape[1:]).contiguous()
        return Stepped(AscentState(search, self.optimizer.start(search.z), path), done)

    def step(
        self, problem: Problem, state: AscentState, transform_grad: Callable[[Tensor], Tensor] = lambda grad: grad
    ) -> Stepped:
        """One step; ``transform_grad`` may turn the gradients (n×D) before they become steps."""
        search = state.search
        here = evaluate(
            problem, search, self.clip, self.region, self.distance, self.distance_weight, self.coarse, self.smoothing
        )
        here = here._replace(grad=transform_grad(here.grad))
        first_hit = torch.where(here.hit & (search.first_hit < 0), search.steps, search.first_hit)
        enough = (first_hit >= 0) & (search.steps - first_hit >= self.extra_steps)
        fault = torch.where(enough, 0, here.fault)
        done = enough | (fault > 0) | (search.steps >= self.max_steps)
        path = self._add_to_path(state, here.x, done)
        search = keep(
            search, here.hit | (here.score > search.best_score), search.z, here.x, here.score, here.prediction
        )
        search = search._replace(
            reconstruction=torch.where(like(search.decoded, here.x), search.reconstruction, here.decoded),
            decoded=torch.ones_like(search.decoded),
            first_hit=first_hit,
            fault=fault,
        )
        factor = 1.0 if self.schedule is None else self.schedule.factor(search.steps, self.max_steps)[:, None]
        return Stepped(self.move(problem, state._replace(search=search, path=path), here, done, factor), done)

    def move(
        self, problem: Problem, state: AscentState, here: Evaluation, done: Tensor, factor: Tensor | float = 1.0
    ) -> AscentState:
        """One step, ``factor`` times as long (n×1) and back into the chart's bounds, of the rows that are not done."""
        optimizer, displacement = self.optimizer.step(state.optimizer, here.grad, here.excess)
        search = state.search
        moved = problem.chart.project(search.z + self.step_size * factor * self.unlocked(displacement))
        z = torch.where(done[:, None], search.z, moved)
        return state._replace(search=search._replace(z=z, steps=search.steps + ~done), optimizer=optimizer)

    def unlocked(self, displacement: Tensor) -> Tensor:
        """n×D without its part along locked coordinates."""
        if not self.locked:
            return displacement
        return displacement.index_fill(1, torch.tensor(self.locked, device=displacement.device), 0.0)

    def result(self, problem: Problem, state: AscentState) -> Counterfactuals:
        search = state.search
        if self.coarse.any or problem.levels is not None:
            search = exact(problem, search, self.clip, self.region)
        if state.path is None:
            return conclude(search)
        frames = -(-int(search.steps.max()) // self.keep_every) + 1
        return conclude(search, state.path[:, :frames])

    def _add_to_path(self, state: AscentState, x: Tensor, done: Tensor) -> Tensor | None:
        """Kept points are repeated to the end, so that the last one is where the search ended."""
        if state.path is None:
            return None
        steps, frame = state.search.steps, torch.arange(state.path.shape[1], device=x.device)
        due = (steps % self.keep_every == 0) | done
        later = frame >= -(-steps // self.keep_every)[:, None]
        return torch.where(like(due[:, None] & later, state.path), x[:, None], state.path)
