"""The smallest change that still flips: the distance's weight by bisection."""

from typing import NamedTuple

import torch
from torch import Tensor

from counterfactuals.charts.chart import Chart
from counterfactuals.engine import Problem, Stepped
from counterfactuals.goals.distances import Distance, PixelL1
from counterfactuals.methods.ascent import Ascent, AscentState, RowOptimizer
from counterfactuals.methods.evaluation import evaluate
from counterfactuals.methods.state import keep, like
from counterfactuals.result import Counterfactuals
from counterfactuals.steps.polyak import goal_problem
from networks.checks import interval, objects, whole
from networks.errors import InputError


class MinimalState(NamedTuple):
    """n bisections under way.

    Attributes:
        ascent: the descent of the present round.
        low, high: log λ between which the largest lies that still flips, n each.
        distance: of the best hit, n; ∞ before the first.
    """

    ascent: AscentState
    low: Tensor
    high: Tensor
    distance: Tensor


class MinimalChange:
    """min d(x, x₀) such that f_t(x) > Λ: ℓ(f(g(z)), t) + λ d(x, x₀) for the largest λ that flips (Liu et al., III.B).

    Liu et al. weight the other term: their λ is 1 / λ. Each round descends from where the last one
    ended, with steps that shrink to zero, and halves the bracket of log λ: a round that ends in the
    class can afford more, any other needs less. Of all the points seen the hit with the smallest
    distance is kept. Rows bisect independently of each other.

    Args:
        distance: d; ‖x − x₀‖₁ by default, as in the paper.
        weights: λ to begin the bracket with, smallest and largest.
        rounds: of the bisection.
        steps: of one round.
        step_size, optimizer, clip: see ``Ascent``.

    Raises:
        InputError: a number that is not positive, weights that are not in order, or ``Polyak`` as the optimizer.
    """

    def __init__(
        self,
        distance: Distance | None = None,
        weights: tuple[float, float] = (1e-3, 1e2),
        rounds: int = 10,
        steps: int = 100,
        step_size: float = 0.05,
        optimizer: RowOptimizer | None = None,
        clip: tuple[float, float] | None = (0.0, 1.0),
    ) -> None:
        problems = whole(1, rounds=rounds, steps=steps) + objects(Distance, distance=distance)
        if interval(weights=weights) or not weights[0] > 0:
            problems.append(f"weights must be two numbers, 0 < smallest < largest; got {weights}")
        self.distance, self.weights, self.rounds, self.steps = distance or PixelL1(), weights, rounds, steps
        InputError.collect(problems + goal_problem(optimizer, self.distance))
        self.ascent = Ascent(step_size, rounds * steps, clip, optimizer=optimizer)

    def check(self, chart: Chart) -> None:
        """Raise ``InputError`` where its descents cannot search in these coordinates."""
        self.ascent.check(chart)

    def start(self, problem: Problem, x: Tensor, target: Tensor) -> Stepped:
        ascent, done = self.ascent.start(problem, x, target)
        low, high = torch.tensor(self.weights).log().tolist()
        weights = torch.full_like(ascent.search.best_score, low)
        return Stepped(
            MinimalState(ascent, weights, torch.full_like(weights, high), torch.full_like(weights, torch.inf)), done
        )

    def step(self, problem: Problem, state: MinimalState) -> Stepped:
        search = state.ascent.search
        # The first round takes the smallest weight: what does not flip there does not flip at all.
        weight = torch.where(search.steps < self.steps, state.low, 0.5 * (state.low + state.high))
        here = evaluate(problem, search, self.ascent.clip, None, self.distance, weight.exp())
        closer = here.hit & (here.distance < state.distance)
        better = closer | (state.distance.isinf() & (here.score > search.best_score))
        first_hit = torch.where(here.hit & (search.first_hit < 0), search.steps, search.first_hit)
        search = keep(search, better, search.z, here.x, here.score, here.prediction)._replace(
            reconstruction=torch.where(like(search.decoded, here.x), search.reconstruction, here.decoded),
            decoded=torch.ones_like(search.decoded),
            first_hit=first_hit,
            fault=torch.where(first_hit >= 0, 0, here.fault),
        )
        step = search.steps % self.steps
        last = step == self.steps - 1
        done = (here.fault > 0) | (search.steps >= self.ascent.max_steps - 1)
        shrink = (1 - step / self.steps).to(search.z)[:, None]
        return Stepped(
            MinimalState(
                self.ascent.move(problem, state.ascent._replace(search=search), here, done, shrink),
                low=torch.where(last & here.hit, weight, state.low),
                high=torch.where(last & ~here.hit, weight, state.high),
                distance=torch.where(closer, here.distance, state.distance),
            ),
            done,
        )

    def result(self, problem: Problem, state: MinimalState) -> Counterfactuals:
        return self.ascent.result(problem, state.ascent)
