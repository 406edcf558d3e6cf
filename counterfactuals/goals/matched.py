"""Searching on until the model is as certain of x′ as it is of another search's."""

from dataclasses import replace
from typing import Any, NamedTuple, Protocol, runtime_checkable

import torch
from torch import Tensor, nn

from counterfactuals.engine import DependsOnOriginal
from counterfactuals.goals.objectives import Objective, probability
from counterfactuals.result import Counterfactuals, Status

SHORT = -1e-6  # score of a point whose margin suffices, and which the objective is not content with


@runtime_checkable
class HasMargin(Protocol):
    """An objective with a measure of how far beyond the decision a point lies that does not saturate as p → 1."""

    def margin(self, logits: Tensor, target: Tensor) -> Tensor:
        """B values, zero on the decision boundary; ``target`` as for the score."""
        ...


class MatchedAim(NamedTuple):
    """What ``Matched`` takes for the target: the objective's own aim, rows first, and m, n."""

    own: Any
    margin: Tensor


class Matched:
    """What an objective asks for, and a margin of m or more, row by row: m is that of another search's x′.

    Two searches that stop at Λ do not end alike: the one whose last steps are long, or that goes on into the class, is
    more certain, and independent models agree with it more often, whatever it walks in. At equal margins what is left
    between them are the coordinates. The loss is m − margin, which does not flatten where p hardly changes.

    Args:
        objective: of the search that is matched.
        margins: m of every search of a batch, N; where it is negative, or NaN, the objective alone decides.
    """

    goal = 0.0

    def __init__(self, objective: Objective, margins: Tensor) -> None:
        self.objective, self.margins = objective, margins

    def of(self, rows: Tensor) -> "Matched":
        """The same for some searches of the batch (n int64)."""
        return Matched(self.objective, self.margins[rows])

    def aim(self, target: Tensor, logits: Tensor) -> MatchedAim:
        """The objective's own, and m."""
        own = self.objective.aim(target, logits) if isinstance(self.objective, DependsOnOriginal) else target
        return MatchedAim(own, self.margins.to(logits).nan_to_num(0.0).clamp(min=0))

    def loss(self, logits: Tensor, target: MatchedAim) -> Tensor:
        return target.margin - margin_of(self.objective, logits, target.own)

    def score(self, logits: Tensor, target: MatchedAim) -> Tensor:
        """margin − m; negative also where the objective is not reached."""
        content = self.objective.reached(self.objective.score(logits, target.own))
        beyond = -self.loss(logits, target)
        return torch.where(content, beyond, beyond.clamp(max=SHORT))

    def reached(self, score: Tensor) -> Tensor:
        return score >= 0

    def already_reached(self, logits: Tensor, target: MatchedAim) -> Tensor:
        return self.objective.already_reached(logits, target.own)

    def prediction(self, logits: Tensor) -> Tensor:
        return self.objective.prediction(logits)


def margin_of(objective: Objective, logits: Tensor, aim: Any) -> Tensor:
    """How far beyond the decision, n: the objective's margin, or its score where it has none."""
    # ReachMargin's margin is a number, the one asked for, and its score is the margin.
    if isinstance(objective, HasMargin) and callable(objective.margin):
        return objective.margin(logits, aim)
    return objective.score(logits, aim)


class Judged(NamedTuple):
    """Searches as the objective alone sees them: their x′, the margin of each, n, and where scores are none p, n."""

    counterfactuals: Counterfactuals
    margin: Tensor
    probability: Tensor | None


@torch.no_grad()
def judged(predictor: nn.Module, objective: Objective, cf: Counterfactuals, matched: bool) -> Judged:
    """The margin of every x′; and where the search was ``Matched``, confidences and status by its objective alone.

    A row that reached Λ and not m has flipped.
    """
    after = predictor(cf.counterfactual)
    before = predictor(cf.x) if matched or isinstance(objective, DependsOnOriginal) else after  # of no use elsewhere
    aim = objective.aim(cf.target, before) if isinstance(objective, DependsOnOriginal) else cf.target
    margin, p = margin_of(objective, after, aim), probability(objective, after, cf.target)
    if not matched:
        return Judged(cf, margin, p)
    score = objective.score(after, aim)
    flips = (cf.status == Status.TIMEOUT) & objective.reached(score)
    return Judged(
        replace(
            cf,
            source_confidence=objective.score(before, aim),
            confidence=score,
            status=torch.where(flips, Status.FLIPPED, cf.status),
        ),
        margin,
        p,
    )
