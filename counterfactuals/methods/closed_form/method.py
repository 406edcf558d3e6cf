"""Counterfactuals in closed form."""

from typing import Any

import torch
from torch import Tensor

from counterfactuals.charts.chart import Chart
from counterfactuals.charts.invertible import InvertibleChart
from counterfactuals.engine import LearnsFromSamples, Problem, Stepped
from counterfactuals.goals.targets import check_classes
from counterfactuals.methods.clip import as_image, straight_through_clip
from counterfactuals.methods.closed_form.amounts import Amount, Reach
from counterfactuals.methods.closed_form.directions import Direction
from counterfactuals.methods.closed_form.line import Line
from counterfactuals.methods.state import DECODED, LOGITS, SearchState, begin, conclude, first_fault, keep
from counterfactuals.result import Counterfactuals
from networks.checks import interval, objects, whole
from networks.errors import InputError

FURTHER = 1e-4  # of the way, that the first try goes beyond the goal: what is asked is more than Λ
GROWTH = 4.0  # of that, from try to try


class ClosedForm:
    """z′ = z + α d, d from class to class and α in closed form: one decode, no search (ECINN, Hvilshøj et al. 2021).

    In the latent space of an invertible classifier logits are affine, so that α for any Λ is the root of one equation
    (see ``Line``). Of the classifier itself the answer is exact, but for what becomes of x′ as an image: clipped, and
    rounded to its grey values. Where that takes the decision back, further tries go 0.04 %, 0.16 %, … beyond α. So they
    do where the explained model is another one, for which it is a search along a line.

    ``Ascent(head_start=ClosedForm())`` begins where this would end, and explains any predictor.

    Args:
        amount: of the way: ``Reach`` as far as the objective asks (unless given), ``Boundary`` or ``Convincing``.
        direction: the way; the head's own unless given: μ_t − μ_s of a mixture, β_t − β_s of a linear head.
        max_steps: tries, a decode each; of ``Reach`` alone, for the other amounts are what they are.
        clip: see ``Ascent``.

    Raises:
        InputError: a class in place of an object, a number out of its range; on use, a chart of another kind, a
            predictor of values or of more classes than the chart knows.
    """

    needs_gradient = False

    def __init__(
        self,
        amount: Amount | None = None,
        direction: Direction | None = None,
        max_steps: int = 8,
        clip: tuple[float, float] | None = (0.0, 1.0),
    ) -> None:
        InputError.collect(
            objects(Amount, amount=amount)
            + objects(Direction, direction=direction)
            + whole(1, max_steps=max_steps)
            + interval(clip=clip)
        )
        self.amount, self.direction, self.max_steps, self.clip = amount or Reach(), direction, max_steps, clip
        if isinstance(direction, LearnsFromSamples):
            self.prepare = direction.prepare  # so that this method is one that learns from samples

    def check(self, chart: Chart) -> None:
        """Raise ``InputError`` where the classes' places are not known."""
        if not isinstance(chart, InvertibleChart):
            raise InputError(
                "ClosedForm needs to know where in Z the classes are, as the chart of an InvertibleClassifierModule "
                f"does; got {type(chart).__name__}"
            )

    def start(self, problem: Problem, x: Tensor, target: Tensor) -> Stepped:
        return begin(problem, x, target, self.clip, decode=True)

    @torch.no_grad()
    def step(self, problem: Problem, state: SearchState) -> Stepped:
        z = self.place(problem, state)
        x = as_image(straight_through_clip(problem.chart.decode(z), self.clip), problem.levels)
        logits = problem.predictor(x).to(x.dtype)
        score = problem.objective.score(logits, state.aim)
        fault = first_fault((DECODED, x), (LOGITS, score))
        hit, steps = (fault == 0) & problem.objective.reached(score), state.steps + 1
        state = keep(state, hit | (score > state.best_score), z, x, score, problem.objective.prediction(logits))
        state = state._replace(z=z, first_hit=torch.where(hit, steps, -1), fault=fault, steps=steps)
        tries = self.max_steps if isinstance(self.amount, Reach) else 1
        return Stepped(state, hit | (fault > 0) | (steps >= tries))

    def result(self, problem: Problem, state: SearchState) -> Counterfactuals:
        return conclude(state)

    @torch.no_grad()
    def place(self, problem: Problem, search: SearchState) -> Tensor:
        """z′ of the next try, n×D; z₀ where the line does not get there."""
        chart: Any = problem.chart
        head, z = chart.classifier.classes, search.z0
        _check_known(search.source, search.target, len(head.bias))
        d = (self.direction or head).direction(search.source, search.target).to(z)
        weight, bias = head.weight.double(), head.bias.double()
        line = Line(z.double() @ weight.T + bias, d.double() @ weight.T, search.source, search.target)
        alpha = self.amount.alpha(line, problem.objective, search.aim)
        if isinstance(self.amount, Reach):
            alpha = alpha * (1 + FURTHER * GROWTH**search.steps)
        return z + torch.where(alpha.isfinite(), alpha, 0.0)[:, None].to(z) * d


def _check_known(source: Tensor, target: Tensor, num_classes: int) -> None:
    if target.is_floating_point():
        raise InputError("ClosedForm is for classes, and the predictor returns one value a sample: use Ascent")
    check_classes(torch.cat([source, target]), num_classes, "the chart's classifier")
