"""What a search wants of a predictor whose labels do not exclude each other."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from counterfactuals.goals.objectives import ReachClass, classes


class ReachLabel:
    """Label t with confidence Λ, whatever else is there: σ(logit_t) > Λ.

    The loss is −log σ(logit_t). For a multi-label predictor, whose every output answers a question of its own;
    what it says of a sample is the label with the largest of them.

    Args:
        confidence: Λ in [0.5, 1).
        hold_others: the other labels must stay what they are of the original, on or off. The loss then has Σ_j
            max(0, −s_j logit_j), s_j = ±1 for a label j that was on or off; and the score of an x where one of them
            has changed is at most ½, its σ(s_j logit_j).

    Raises:
        InputError: Λ outside its range.
    """

    def __init__(self, confidence: float = 0.99, hold_others: bool = False) -> None:
        self.confidence, self.hold_others = ReachClass(confidence).confidence, hold_others
        self.goal = -math.log(confidence)

    def aim(self, target: Tensor, logits: Tensor) -> Tensor:
        """The target, and beside it the sides s_j that the other labels are held on: n, or n×(1 + K) int64.

        Args:
            target: t, n.
            logits: of the originals, n×K.
        """
        if not self.hold_others:
            return target
        sides = torch.where(logits > 0, 1, -1)
        return torch.cat([target[:, None], sides.scatter(1, target[:, None], 0)], 1)

    def prediction(self, logits: Tensor) -> Tensor:
        return classes(logits, "ReachLabel")

    def probabilities(self, logits: Tensor) -> Tensor:
        """Of every label, n×K; they do not add up to one."""
        return logits.sigmoid()

    def loss(self, logits: Tensor, target: Tensor) -> Tensor:
        own, held = self._split(logits, target)
        return F.softplus(-own) + F.relu(-held).sum(1)

    def score(self, logits: Tensor, target: Tensor) -> Tensor:
        own, held = self._split(logits, target)
        changed = torch.where(held < 0, held.sigmoid(), 1.0)
        return torch.cat([own.sigmoid()[:, None], changed], 1).amin(1)

    def margin(self, logits: Tensor, target: Tensor) -> Tensor:
        """logit_t, or where it is less the smallest s_j logit_j of what is held; B."""
        own, held = self._split(logits, target)
        return torch.cat([own[:, None], torch.where(held < 0, held, torch.inf)], 1).amin(1)

    def reached(self, score: Tensor) -> Tensor:
        return score > self.confidence

    def already_reached(self, logits: Tensor, target: Tensor) -> Tensor:
        return self._split(logits, target)[0] > 0

    @staticmethod
    def _split(logits: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
        """logit_t, n; and s_j logit_j of what is held, n×K (n×0 for nothing)."""
        if target.ndim == 1:
            return logits.gather(1, target[:, None])[:, 0], logits[:, :0]
        return logits.gather(1, target[:, :1])[:, 0], target[:, 1:] * logits
