"""From a counterfactual back towards the original, as far as the predictor stays as certain."""

from typing import NamedTuple

import torch
from torch import Tensor

from counterfactuals.charts.chart import Chart
from counterfactuals.engine import Problem, Stepped, learn_by
from counterfactuals.goals.distances import Distance, PixelL1, Points
from counterfactuals.goals.matched import Matched, MatchedAim, margin_of
from counterfactuals.methods.ascent import Ascent, AscentState
from counterfactuals.methods.evaluation import Evaluation, confirmed_again, evaluate
from counterfactuals.methods.state import finite, keep
from counterfactuals.result import Counterfactuals
from counterfactuals.rows import scatter, take
from networks.checks import above_zero, objects, whole
from networks.errors import InputError

CLIMBING = -1  # steps that are left to a search that has not arrived
SLACK = 0.01  # share of the margin that a correction aims beyond it, for half of all points would fall short
BOUND = 2.0  # step sizes that a correction may be long


class NearerState(NamedTuple):
    """n searches under way.

    Attributes:
        ascent: where they stand.
        left: steps back that are left, n int64; −1 in the ascent.
        margin: m, of the point that the ascent arrived at, n; NaN before.
        distance: d of the best point, n; NaN before.
    """

    ascent: AscentState
    left: Tensor
    margin: Tensor
    distance: Tensor


class Nearer:
    """An ascent, and then min d(x, x₀) at the margin that it arrived at: what the class does not need goes back.

    An ascent changes whatever raises the loss, and more of it than is needed. From its end on, each step goes along
    −∂d/∂z without its part along the loss's gradient, so that the margin stays to first order, and a step along that
    gradient makes up for what the margin lost (gradient projection; Rosen 1960). The nearest point is kept of those
    where the objective is reached and the margin is at least m, the one of arrival: x′ convinces the predictor as it
    did, and a matched control is asked for the same. Rows that did not arrive stay as the ascent leaves them.

    Args:
        ascent: the search; its clip, region, locked coordinates, smoothing and precision hold on the way back.
        distance: d; ‖x − x₀‖₁ by default, which leaves most pixels alone.
        steps: back. Each takes one decode and two gradients.
        step_size: length of the first step back, in units of z; it falls linearly to zero.

    Raises:
        InputError: a number out of its range, an ascent with a path, which would end before the search does.
    """

    def __init__(
        self, ascent: Ascent, distance: Distance | None = None, steps: int = 20, step_size: float = 0.3
    ) -> None:
        problems = objects(Ascent, ascent=ascent) + objects(Distance, distance=distance)
        problems += whole(1, steps=steps) + above_zero(step_size=step_size)
        if isinstance(ascent, Ascent) and ascent.keep_every:
            problems.append(f"the ascent's keep_every must be 0 (no path is kept); got {ascent.keep_every}")
        InputError.collect(problems)
        self.ascent, self.distance, self.steps, self.step_size = ascent, distance or PixelL1(), steps, step_size
        learn_by(self, ascent)

    def check(self, chart: Chart) -> None:
        """Raise ``InputError`` where the ascent cannot search in these coordinates."""
        self.ascent.check(chart)

    def start(self, problem: Problem, x: Tensor, target: Tensor) -> Stepped:
        ascent, done = self.ascent.start(problem, x, target)
        unknown = torch.full_like(ascent.search.best_score, torch.nan)
        return Stepped(NearerState(ascent, ascent.search.steps + CLIMBING, unknown, unknown), done)

    def step(self, problem: Problem, state: NearerState) -> Stepped:
        climbs = state.left == CLIMBING
        done = torch.zeros_like(climbs)
        for rows, advance in ((climbs.nonzero()[:, 0], self._climb), ((~climbs).nonzero()[:, 0], self._return)):
            if len(rows):
                stepped, ended = advance(problem, take(state, rows))
                state, done = scatter(state, rows, stepped), done.index_copy(0, rows, ended)
        return Stepped(state, done)

    def result(self, problem: Problem, state: NearerState) -> Counterfactuals:
        """The scores of what went back were those of another objective until here."""
        came = (state.left != CLIMBING).nonzero()[:, 0]
        if len(came):
            search = state.ascent.search
            search = confirmed_again(problem, search, came, search.best_x[came])
            state = state._replace(ascent=state.ascent._replace(search=search))
        return self.ascent.result(problem, state.ascent)

    def _climb(self, problem: Problem, state: NearerState) -> Stepped:
        ascent, ended = self.ascent.step(problem, state.ascent)
        state = state._replace(ascent=ascent)
        arrived = ended & (ascent.search.first_hit >= 0) & (ascent.search.fault == 0)
        rows = arrived.nonzero()[:, 0]
        if len(rows):
            state = scatter(state, rows, self._turn(problem, take(state, rows)))
        return Stepped(state, ended & ~arrived)

    @torch.no_grad()
    def _turn(self, problem: Problem, state: NearerState) -> NearerState:
        """Rows at the point that they arrived at."""
        search = state.ascent.search
        logits = problem.predictor(search.best_x).to(search.z.dtype)
        search = search._replace(z=search.best_z)
        return NearerState(
            state.ascent._replace(search=search),
            torch.full_like(state.left, self.steps),
            margin_of(problem.objective, logits, search.aim),
            self.distance.measure(Points(search.best_x, search.best_z, search.x, search.z0)),
        )

    def _return(self, problem: Problem, state: NearerState) -> Stepped:
        search, ascent = state.ascent.search, self.ascent
        held = problem._replace(objective=Matched(problem.objective, state.margin))
        here = evaluate(
            held,
            search._replace(aim=MatchedAim(search.aim, state.margin)),
            ascent.clip,
            ascent.region,
            self.distance,
            None,
            ascent.coarse,
            ascent.smoothing,
        )
        nearer = here.hit & (here.distance < state.distance)
        lost = (here.fault > 0) | ~finite(here.pull)
        left = torch.where(lost, 0, state.left - 1)
        z = problem.chart.project(search.z + ascent.unlocked(self._back(here, state)))
        search = keep(search, nearer, search.z, here.x, search.best_score, here.prediction)._replace(
            z=torch.where(left[:, None] > 0, z, search.z), steps=search.steps + 1
        )
        distance = torch.where(nearer, here.distance, state.distance)
        return Stepped(NearerState(state.ascent._replace(search=search), left, state.margin, distance), left == 0)

    def _back(self, here: Evaluation, state: NearerState) -> Tensor:
        """The next displacement, n×D."""
        tiny = torch.finfo(here.grad.dtype).tiny
        slope = here.grad.norm(dim=1, keepdim=True).clamp(min=tiny)
        uphill = here.grad / slope
        along = here.pull - (here.pull * uphill).sum(1, keepdim=True) * uphill
        along = along / along.norm(dim=1, keepdim=True).clamp(min=tiny)
        short = here.excess + SLACK * state.margin.abs()
        correction = (short[:, None] / slope).clamp(-BOUND * self.step_size, BOUND * self.step_size)
        return -self.step_size * (state.left / self.steps)[:, None] * along - correction * uphill
