"""What a search wants of the predictor."""

import math
from typing import Any, Protocol, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from networks.adapter import inside
from networks.checks import finite, not_negative
from networks.committee import Committee
from networks.errors import InputError

ROUNDING = 6e-8  # of float32 below 1: a probability that is nearer is 1


class Objective(Protocol):
    """Loss to descend, score to compare points by, and when to stop; all per sample.

    ``target`` is the searches' (B), or what an ``DependsOnOriginal`` objective makes of it.

    Attributes:
        goal: the loss at which the objective is reached.
    """

    goal: float

    def loss(self, logits: Tensor, target: Any) -> Tensor:
        """B values to be minimised."""
        ...

    def score(self, logits: Tensor, target: Any) -> Tensor:
        """B values, higher is better; reported as the row's confidence."""
        ...

    def reached(self, score: Tensor) -> Tensor:
        """B bool."""
        ...

    def already_reached(self, logits: Tensor, target: Any) -> Tensor:
        """B bool: samples that there is nothing to search for, from the logits of the original."""
        ...

    def prediction(self, logits: Tensor) -> Tensor:
        """What the predictor says of samples: their classes (B int64), or their values (B float32).

        Raises:
            InputError: the objective is not for such outputs.
        """
        ...


class ReachClass:
    """Class t with confidence Λ: S_{t,Λ} = {x : t = argmax_j f_j(x), f_t(x) > Λ} (Dombrowski et al., II.A).

    The loss is −log softmax(logits)_t, taken on the logits: −log of a clamped probability is flat
    just where a search starts.

    Args:
        confidence: Λ in [0.5, 1), so that p_t > Λ implies that t is the largest.

    Raises:
        InputError: Λ outside its range.
    """

    def __init__(self, confidence: float = 0.99) -> None:
        if finite(confidence=confidence) or not 0.5 <= confidence < 1:
            raise InputError(f"confidence Λ must be in [0.5, 1), e.g. 0.99; got {confidence!r}")
        self.confidence = confidence
        self.goal = -math.log(confidence)

    def prediction(self, logits: Tensor) -> Tensor:
        return classes(logits, type(self).__name__)

    def loss(self, logits: Tensor, target: Tensor) -> Tensor:
        return F.cross_entropy(logits, target, reduction="none")

    def score(self, logits: Tensor, target: Tensor) -> Tensor:
        return torch.softmax(logits, 1).gather(1, target[:, None])[:, 0]

    def margin(self, logits: Tensor, target: Tensor) -> Tensor:
        """logit_t − max_{j≠t} logit_j, B."""
        return logit_margin(logits, target)

    def reached(self, score: Tensor) -> Tensor:
        return score > self.confidence

    def already_reached(self, logits: Tensor, target: Tensor) -> Tensor:
        return logits.argmax(1) == target


class ReachMargin:
    """Logit margin m: logit_t − max_{j≠t} logit_j > m. Unlike a confidence it does not saturate.

    The loss is the negative margin, which is linear in the logits.

    Args:
        margin: m ≥ 0; 0 is the decision boundary.

    Raises:
        InputError: a margin that is negative or not finite.
    """

    measured_as = "logit margin"

    def __init__(self, margin: float = 1.0) -> None:
        InputError.collect(not_negative(margin=margin))
        self.margin = margin
        self.goal = -margin

    def prediction(self, logits: Tensor) -> Tensor:
        return classes(logits, "ReachMargin")

    def loss(self, logits: Tensor, target: Tensor) -> Tensor:
        return -self.score(logits, target)

    def score(self, logits: Tensor, target: Tensor) -> Tensor:
        return logit_margin(logits, target)

    def reached(self, score: Tensor) -> Tensor:
        return score > self.margin

    def already_reached(self, logits: Tensor, target: Tensor) -> Tensor:
        return logits.argmax(1) == target


class ReachAll:
    """Every member of a ``networks.Committee`` gives class t more than Λ: min_m p_m(t) > Λ.

    A sample has its target already where every member's likeliest class is t, whatever it gives it.

    Args:
        confidence: Λ in [0.5, 1).

    Raises:
        InputError: Λ outside its range.
    """

    def __init__(self, confidence: float = 0.99) -> None:
        self.confidence = ReachClass(confidence).confidence
        self.goal = -math.log(confidence)

    def prediction(self, logits: Tensor) -> Tensor:
        return classes(logits, "ReachAll")

    def probabilities(self, logits: Tensor) -> Tensor:
        """The smallest that any member gives, of every class, n×K; they add up to one or less."""
        return logits.exp()

    def loss(self, logits: Tensor, target: Tensor) -> Tensor:
        return -logits.gather(1, target[:, None])[:, 0]

    def score(self, logits: Tensor, target: Tensor) -> Tensor:
        return logits.gather(1, target[:, None])[:, 0].exp()

    def margin(self, logits: Tensor, target: Tensor) -> Tensor:
        """log odds of min_m p_m, B."""
        log_p = logits.gather(1, target[:, None])[:, 0]
        return log_p - torch.log(-torch.expm1(log_p.clamp(max=-ROUNDING)))

    def reached(self, score: Tensor) -> Tensor:
        return score > self.confidence

    def already_reached(self, logits: Tensor, target: Tensor) -> Tensor:
        return logits.argmax(1) == target  # needed, and not enough: see ``unanimous``


def unanimous(predictor: nn.Module, x: Tensor, target: Tensor) -> Tensor:
    """Whether every member of a committee says target of x, n bool; all True of a predictor that is none."""
    if not isinstance(inside(predictor), Committee):
        return torch.ones_like(target, dtype=torch.bool)
    return cast(Committee, predictor).agreed(x).gather(1, target[:, None])[:, 0]


def logit_margin(logits: Tensor, target: Tensor) -> Tensor:
    """logit_t − max_{j≠t} logit_j of logits B×K; B, positive where t is the largest."""
    others = logits.scatter(1, target[:, None], -torch.inf).max(1).values
    return logits.gather(1, target[:, None])[:, 0] - others


def probabilities(objective: Objective, logits: Tensor) -> Tensor:
    """Of every class or label, B×K: the softmax, unless the objective has another."""
    own = getattr(objective, "probabilities", None)
    return logits.softmax(1) if own is None else own(logits)


def measured_as(objective: Objective) -> str:
    """What its score is: a "probability", unless it says otherwise by an attribute ``measured_as``."""
    return str(getattr(objective, "measured_as", "probability"))


def probability(objective: Objective, logits: Tensor, target: Tensor) -> Tensor | None:
    """p of the target (n), n, where the objective's score is something else; ``None`` where it is p, and for values."""
    if measured_as(objective) == "probability" or target.is_floating_point():
        return None
    return probabilities(objective, logits).gather(1, target[:, None])[:, 0]


def classes(logits: Tensor, who: str) -> Tensor:
    """The largest of each row, B int64.

    Raises:
        InputError: no logits of B×K; ``who`` wants classes.
    """
    if logits.ndim != 2 or logits.shape[1] < 2:
        raise InputError(
            f"{who} is for classes, and the predictor returns one value a sample: use AtLeast, AtMost or Within "
            "as the objective and Value or Shift as the target"
        )
    return logits.argmax(1)
