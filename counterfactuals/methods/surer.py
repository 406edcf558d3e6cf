"""A sample of which the predictor is surer, and that is still alike."""

import torch
from torch import Tensor

from counterfactuals.charts.chart import Chart
from counterfactuals.engine import Problem, Stepped
from counterfactuals.goals.distances import Distance, PixelL1
from counterfactuals.methods.ascent import Ascent, AscentState, RowOptimizer
from counterfactuals.methods.evaluation import evaluate
from counterfactuals.methods.state import keep
from counterfactuals.result import Counterfactuals
from counterfactuals.steps.momentum import Momentum
from counterfactuals.steps.polyak import goal_problem
from networks.checks import not_negative, objects, whole
from networks.errors import InputError


class Surer:
    """In turn a step up log f_t(g(z)), and one down d(x, x₀), λ times as long (Liu et al. 2019, III.A: c′ = c).

    With ``OwnClass()`` it leads to their prototype. A sum of both losses would stay at x where the predictor is sure
    already: so each has steps of its own, which shrink to zero, and of all points seen the one with the highest score
    is kept. ``ReachMargin`` keeps telling points apart where probabilities are 1 to their last digit.

    Args:
        steps: of both kinds together.
        step_size, clip: see ``Ascent``.
        optimizer: makes steps of gradients; their directions alone (``Momentum(0)``) unless given, for one with a
            memory would remember the other loss.
        distance: d; ‖x − x₀‖₁ by default, as in the paper.
        back: λ.

    Raises:
        InputError: a number out of its range, or ``Polyak`` as the optimizer.
    """

    def __init__(
        self,
        steps: int = 200,
        step_size: float = 0.05,
        optimizer: RowOptimizer | None = None,
        distance: Distance | None = None,
        back: float = 0.5,
        clip: tuple[float, float] | None = (0.0, 1.0),
    ) -> None:
        self.distance, self.back = distance or PixelL1(), back
        InputError.collect(
            whole(1, steps=steps)
            + not_negative(back=back)
            + objects(Distance, distance=distance)
            + goal_problem(optimizer, self.distance)
        )
        self.ascent = Ascent(step_size, steps, clip, optimizer=optimizer or Momentum(0.0))

    def check(self, chart: Chart) -> None:
        """Raise ``InputError`` where it cannot search in these coordinates."""
        self.ascent.check(chart)

    def start(self, problem: Problem, x: Tensor, target: Tensor) -> Stepped:
        state, _ = self.ascent.start(problem, x, target, decode=True)
        # There is a way to go also for who has the class.
        search = state.search._replace(already_reached=torch.zeros_like(state.search.already_reached))
        return Stepped(state._replace(search=search), search.fault > 0)

    def step(self, problem: Problem, state: AscentState) -> Stepped:
        search = state.search
        here = evaluate(problem, search, self.ascent.clip, None, self.distance, None)
        up = (search.steps % 2 == 0)[:, None]
        here = here._replace(grad=torch.where(up, here.grad, here.pull))
        first_hit = torch.where(here.hit & (search.first_hit < 0), search.steps, search.first_hit)
        done = (here.fault > 0) | (search.steps >= self.ascent.max_steps)
        search = keep(search, here.score > search.best_score, search.z, here.x, here.score, here.prediction)
        search = search._replace(first_hit=first_hit, fault=torch.where(first_hit >= 0, 0, here.fault))
        length = torch.where(up, 1.0, self.back) * (1 - search.steps / self.ascent.max_steps)[:, None]
        return Stepped(self.ascent.move(problem, state._replace(search=search), here, done, length.to(search.z)), done)

    def result(self, problem: Problem, state: AscentState) -> Counterfactuals:
        return self.ascent.result(problem, state)
