"""What a search wants of a predictor that returns a number."""

from torch import Tensor

from networks.errors import InputError


class AtLeast:
    """A value of r or more: f(x) ≥ r.

    r is the search's target. The loss r − f(x) is linear in the value, and the score f(x) − r is how
    far beyond r it is, in the predictor's unit: negative before.
    """

    goal = 0.0

    def says(self, logits: Tensor) -> Tensor:
        return values(logits, "AtLeast")

    def loss(self, logits: Tensor, target: Tensor) -> Tensor:
        return target - self.says(logits)

    def score(self, logits: Tensor, target: Tensor) -> Tensor:
        return -self.loss(logits, target)

    def reached(self, score: Tensor) -> Tensor:
        return score >= 0

    def settled(self, logits: Tensor, target: Tensor) -> Tensor:
        return self.reached(self.score(logits, target))


class AtMost:
    """A value of r or less: f(x) ≤ r; otherwise as ``AtLeast``."""

    goal = 0.0

    def says(self, logits: Tensor) -> Tensor:
        return values(logits, "AtMost")

    def loss(self, logits: Tensor, target: Tensor) -> Tensor:
        return self.says(logits) - target

    def score(self, logits: Tensor, target: Tensor) -> Tensor:
        return -self.loss(logits, target)

    def reached(self, score: Tensor) -> Tensor:
        return score >= 0

    def settled(self, logits: Tensor, target: Tensor) -> Tensor:
        return self.reached(self.score(logits, target))


class Within:
    """A value inside an interval: |f(x) − r| ≤ ε.

    The loss is |f(x) − r|; the score, ε − |f(x) − r|, is negative outside.

    Args:
        tolerance: ε > 0, in the predictor's unit; r, the search's target, is the middle.

    Raises:
        InputError: a tolerance that is not positive.
    """

    def __init__(self, tolerance: float) -> None:
        if not tolerance > 0:
            raise InputError(f"the tolerance must be positive, half the width of the interval; got {tolerance}")
        self.goal = tolerance

    def says(self, logits: Tensor) -> Tensor:
        return values(logits, "Within")

    def loss(self, logits: Tensor, target: Tensor) -> Tensor:
        return (self.says(logits) - target).abs()

    def score(self, logits: Tensor, target: Tensor) -> Tensor:
        return self.goal - self.loss(logits, target)

    def reached(self, score: Tensor) -> Tensor:
        return score >= 0

    def settled(self, logits: Tensor, target: Tensor) -> Tensor:
        return self.reached(self.score(logits, target))


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
