"""Counterfactuals in closed form."""

from typing import NamedTuple, cast

import torch
from torch import Tensor

from counterfactuals.charts.chart import Chart
from counterfactuals.charts.invertible import InvertibleChart
from counterfactuals.engine import Problem, Stepped, learn_by
from counterfactuals.goals.targets import check_classes
from counterfactuals.methods.clip import as_image, straight_through_clip
from counterfactuals.methods.closed_form.amounts import Amount, Reach
from counterfactuals.methods.closed_form.directions import Direction
from counterfactuals.methods.closed_form.line import Line
from counterfactuals.methods.state import (
    DECODED,
    LOGITS,
    NO_PROTOTYPE,
    SearchState,
    begin,
    conclude,
    finite,
    first_fault,
    keep,
)
from counterfactuals.result import Counterfactuals
from networks.checks import interval, objects, whole
from networks.errors import InputError

FURTHER = 1e-4  # of the way, that the first try goes beyond the goal: what is asked is more than Λ
LEAST, MOST = 1.02, 1.3  # times as far goes the next try: rounding is no smooth function, and far away nothing is real


class PlacedState(NamedTuple):
    """n answers that are looked at.

    Attributes:
        search: where they stand, and the best point so far.
        offset: by how much the model's logits of x′ differed from those on the line, n×K; 0 before the first try.
        alpha: of the last try, n; NaN before the first.
    """

    search: SearchState
    offset: Tensor
    alpha: Tensor


class ClosedForm:
    """z′ = z + α d, d from class to class and α in closed form: one decode, no search (ECINN, Hvilshøj et al. 2021).

    In the latent space of an invertible classifier logits are affine, so that α for any Λ is the root of one equation
    (see ``Line``). Of the classifier itself the answer is exact, but for what becomes of x′ as an image: clipped, and
    rounded to its grey values. Where that takes the decision back, the next try is solved for the logits of the line
    plus what the image's differed from them by; it goes 2 to 30 % further. So it is where the explained model is
    another one, for which this is a search along a line, with the classifier's slopes.

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
        max_steps: int = 12,
        clip: tuple[float, float] | None = (0.0, 1.0),
    ) -> None:
        InputError.collect(
            objects(Amount, amount=amount)
            + objects(Direction, direction=direction)
            + whole(1, max_steps=max_steps)
            + interval(clip=clip)
        )
        self.amount, self.direction, self.max_steps, self.clip = amount or Reach(), direction, max_steps, clip
        learn_by(self, direction)

    def check(self, chart: Chart) -> None:
        """Raise ``InputError`` where the classes' places are not known."""
        if not isinstance(chart, InvertibleChart):
            raise InputError(
                "ClosedForm needs to know where in Z the classes are, as the chart of an InvertibleClassifierModule "
                f"does; got {type(chart).__name__}"
            )

    def start(self, problem: Problem, x: Tensor, target: Tensor) -> Stepped:
        search, done = begin(problem, x, target, self.clip, decode=True)
        self._check_classes(problem, search)
        _, d = self._line(problem, search)
        nowhere = ~done & ~finite(d)
        search = search._replace(fault=torch.where(nowhere, NO_PROTOTYPE, search.fault))
        classes = self._chart(problem).classifier.num_classes
        offset = x.new_zeros(len(x), classes, dtype=torch.float64)
        return Stepped(PlacedState(search, offset, torch.full_like(offset[:, 0], torch.nan)), done | nowhere)

    @torch.no_grad()
    def step(self, problem: Problem, state: PlacedState) -> Stepped:
        search = state.search
        line, d = self._line(problem, search)
        alpha = self._alpha(problem, search, line._replace(logits=line.logits + state.offset))
        again = ~state.alpha.isnan()
        alpha = torch.where(again, alpha.clamp(LEAST * state.alpha, MOST * state.alpha), alpha)
        z = _along(search.z0, alpha, d)
        x = as_image(straight_through_clip(problem.chart.decode(z), self.clip), problem.levels)
        logits = problem.predictor(x).to(x.dtype)
        score = problem.objective.score(logits, search.aim)
        fault = first_fault((DECODED, x), (LOGITS, score))
        hit, steps = (fault == 0) & problem.objective.reached(score), search.steps + 1
        search = keep(search, hit | (score > search.best_score), z, x, score, problem.objective.prediction(logits))
        search = search._replace(z=z, first_hit=torch.where(hit, steps, -1), fault=fault, steps=steps)
        ended = hit | (fault > 0) | ~alpha.isfinite() | (steps >= (self.max_steps if self._tries else 1))
        offset = _offset(logits, line.at(alpha)) if self._tries else state.offset
        return Stepped(PlacedState(search, offset, alpha), ended)

    def result(self, problem: Problem, state: PlacedState) -> Counterfactuals:
        return conclude(state.search)

    @torch.no_grad()
    def place(self, problem: Problem, search: SearchState) -> Tensor:
        """z′ of the first try, n×D; z₀ where the line does not get there."""
        self._check_classes(problem, search)
        line, d = self._line(problem, search)
        return _along(search.z0, self._alpha(problem, search, line), d)

    @property
    def _tries(self) -> bool:
        return isinstance(self.amount, Reach)

    def _alpha(self, problem: Problem, search: SearchState, line: Line) -> Tensor:
        alpha = self.amount.alpha(line, problem.objective, search.aim)
        return alpha * (1 + FURTHER) if self._tries else alpha

    def _line(self, problem: Problem, search: SearchState) -> tuple[Line, Tensor]:
        """The lines from z₀, and their directions, n×D."""
        head, z = self._chart(problem).classifier.classes, search.z0
        d = (self.direction or head).direction(search.source, search.target).to(z)
        weight, bias = head.weight.double(), head.bias.double()
        return Line(z.double() @ weight.T + bias, d.double() @ weight.T, search.source, search.target), d

    def _check_classes(self, problem: Problem, search: SearchState) -> None:
        """Once a search, and not once a step: on a GPU the host waits for it."""
        if search.target.is_floating_point():
            raise InputError("ClosedForm is for classes, and the predictor returns one value a sample: use Ascent")
        known = self._chart(problem).classifier.num_classes
        check_classes(torch.cat([search.source, search.target]), known, "the chart's classifier")

    @staticmethod
    def _chart(problem: Problem) -> InvertibleChart:
        return cast(InvertibleChart, problem.chart)


def _along(z: Tensor, alpha: Tensor, d: Tensor) -> Tensor:
    """z + α d of n; z where there is no way, or it does not get there."""
    gets_there = (alpha.isfinite() & finite(d))[:, None]
    return torch.where(gets_there, z + alpha[:, None].to(z) * d, z)


def _offset(logits: Tensor, line: Tensor) -> Tensor:
    """Of as many classes as the line has; 0 of what is not finite, and of those that the model does not know."""
    offset = torch.zeros_like(line)
    known = min(line.shape[1], logits.shape[1])
    offset[:, :known] = logits[:, :known].double() - line[:, :known]
    return offset.nan_to_num(0.0, 0.0, 0.0)
