"""Which classes to search for, given what the predictor says of a sample."""

from typing import NamedTuple, Protocol

import torch
from torch import Tensor

from networks.errors import InputError


class Searches(NamedTuple):
    """The searches that a batch of B samples asks for.

    Attributes:
        rows: which sample of the batch each search starts from, N int64.
        target: its target class, N int64.
    """

    rows: Tensor
    target: Tensor


class TargetPolicy(Protocol):
    """logits of B×K → the searches to run."""

    def __call__(self, logits: Tensor) -> Searches: ...


class FixedTarget:
    """The same class for every sample, e.g. every four is to become a nine.

    Raises:
        InputError: on use, where the predictor has no such class.
    """

    def __init__(self, target: int) -> None:
        self.target = target

    def __call__(self, logits: Tensor) -> Searches:
        check_classes(torch.tensor([self.target]), logits.shape[1])
        rows = torch.arange(len(logits), device=logits.device)
        return Searches(rows, torch.full_like(rows, self.target))


class RunnerUp:
    """The class that the predictor thinks second most likely; the other one of two."""

    def __call__(self, logits: Tensor) -> Searches:
        rows = torch.arange(len(logits), device=logits.device)
        return Searches(rows, logits.topk(2, dim=1).indices[:, 1])


class OwnClass:
    """The class that the predictor gives: with the objective ``Prototype``."""

    def __call__(self, logits: Tensor) -> Searches:
        return Searches(torch.arange(len(logits), device=logits.device), logits.argmax(1))


class EveryOther:
    """Every class but the predicted one: K − 1 searches a sample, in the order of the classes."""

    def __call__(self, logits: Tensor) -> Searches:
        k = logits.shape[1]
        others = torch.ones_like(logits, dtype=torch.bool).scatter_(1, logits.argmax(1, keepdim=True), False)
        rows, target = others.nonzero(as_tuple=True)
        assert len(rows) == len(logits) * (k - 1)
        return Searches(rows, target)


def check_classes(target: Tensor, num_classes: int) -> None:
    """Raise ``InputError`` unless every target is in 0 … num_classes − 1."""
    bad = target[(target < 0) | (target >= num_classes)]
    if len(bad):
        raise InputError(
            f"target class {int(bad[0])} is out of range: the predictor has {num_classes} classes, "
            f"0 to {num_classes - 1}"
        )
