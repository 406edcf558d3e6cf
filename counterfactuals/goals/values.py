"""What a search wants of a predictor that returns a number."""

import torch
from torch import Tensor

from networks.checks import finite
from networks.errors import InputError


class ValueObjective:
    """What the objectives for values share: each has a score of its own and is reached where that is not negative."""

    #: the loss at which the objective is reached, and the score is zero
    goal = 0.0
    measured_as = "distance beyond the goal"

    def score(self, logits: Tensor, target: Tensor) -> Tensor:
        raise NotImplementedError

    def prediction(self, logits: Tensor) -> Tensor:
        """The predicted values, B."""
        return values(logits, type(self).__name__)

    def loss(self, logits: Tensor, target: Tensor) -> Tensor:
        return self.goal - self.score(logits, target)

    def reached(self, score: Tensor) -> Tensor:
        return score >= 0

    def already_reached(self, logits: Tensor, target: Tensor) -> Tensor:
        return self.reached(self.score(logits, target))


class AtLeast(ValueObjective):
    """A value of r or more: f(x) ≥ r.

    r is the search's target. The loss r − f(x) is linear in the value, and the score f(x) − r is how
    far beyond r it is, in the predictor's unit: negative before.
    """

    def score(self, logits: Tensor, target: Tensor) -> Tensor:
        return self.prediction(logits) - target


class AtMost(ValueObjective):
    """A value of r or less: f(x) ≤ r; otherwise as ``AtLeast``."""

    def score(self, logits: Tensor, target: Tensor) -> Tensor:
        return target - self.prediction(logits)


class Across(ValueObjective):
    """A value of r or more where r lies above the middle, of r or less where it lies below: ``AtLeast`` or ``AtMost``.

    For searches in both directions in one run, with ``FewAndMany`` as targets.

    Args:
        middle: m, between the targets.

    Raises:
        InputError: m is not finite.
    """

    def __init__(self, middle: float) -> None:
        InputError.collect(finite(middle=middle))
        self.middle = middle

    def score(self, logits: Tensor, target: Tensor) -> Tensor:
        difference = self.prediction(logits) - target
        return torch.where(target > self.middle, difference, -difference)


class Within(ValueObjective):
    """A value inside an interval: |f(x) − r| ≤ ε.

    The loss is |f(x) − r|; the score, ε − |f(x) − r|, is negative outside.

    Args:
        tolerance: ε > 0, in the predictor's unit; r, the search's target, is the middle.

    Raises:
        InputError: a tolerance that is not positive.
    """

    def __init__(self, tolerance: float) -> None:
        if finite(tolerance=tolerance) or not tolerance > 0:
            raise InputError(f"tolerance must be positive, half the width of the interval; got {tolerance!r}")
        self.goal = tolerance

    def score(self, logits: Tensor, target: Tensor) -> Tensor:
        return self.goal - (self.prediction(logits) - target).abs()


def values(outputs: Tensor, who: str) -> Tensor:
    """Outputs of B or B×1 as B.

    Raises:
        InputError: more than one number a sample; ``who`` wants one.
    """
    if outputs.numel() != len(outputs):
        raise InputError(
            f"{who} is for predictors that return one value a sample, and this one returns {tuple(outputs.shape[1:])}: "
            "use ReachClass as the objective, and RunnerUp or FixedTarget as the target"
        )
    return outputs.flatten()
