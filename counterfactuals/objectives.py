"""What a search wants of the predictor."""

from typing import Protocol

import torch
import torch.nn.functional as F
from torch import Tensor

from networks.errors import InputError


class Objective(Protocol):
    """Loss to descend, score to compare points by, and when to stop; all per sample."""

    def loss(self, logits: Tensor, target: Tensor) -> Tensor:
        """B values to be minimised."""
        ...

    def score(self, logits: Tensor, target: Tensor) -> Tensor:
        """B values, higher is better; reported as the row's confidence."""
        ...

    def reached(self, score: Tensor) -> Tensor:
        """B bool."""
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
        if not 0.5 <= confidence < 1:
            raise InputError(f"confidence Λ must be in [0.5, 1), e.g. 0.99; got {confidence}")
        self.confidence = confidence

    def loss(self, logits: Tensor, target: Tensor) -> Tensor:
        return F.cross_entropy(logits, target, reduction="none")

    def score(self, logits: Tensor, target: Tensor) -> Tensor:
        return torch.softmax(logits, 1).gather(1, target[:, None])[:, 0]

    def reached(self, score: Tensor) -> Tensor:
        return score > self.confidence
