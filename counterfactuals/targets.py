"""Which classes or values to search for, given what the predictor says of a sample."""

from typing import NamedTuple, Protocol

import torch
from torch import Tensor

from counterfactuals.objectives import classes
from counterfactuals.values import values
from networks.errors import InputError


class Searches(NamedTuple):
    """The searches that a batch of B samples asks for.

    Attributes:
        rows: which sample of the batch each search starts from, N int64, in rising order.
        target: its target: a class, N int64, or a value, N float32.
    """

    rows: Tensor
    target: Tensor

    @property
    def number(self) -> Tensor:
        """Which of its sample's searches each one is, from 0; N int64."""
        return torch.arange(len(self.rows), device=self.rows.device) - torch.searchsorted(self.rows, self.rows)


class TargetPolicy(Protocol):
    """logits of B×K, or values of B → the searches to run.

    Raises:
        InputError: the predictor does not return what the policy is for.
    """

    def __call__(self, logits: Tensor) -> Searches: ...


class FixedTarget:
    """The same class for every sample, e.g. every four is to become a nine.

    Raises:
        InputError: on use, where the predictor has no such class.
    """

    def __init__(self, target: int) -> None:
        self.target = target

    def __call__(self, logits: Tensor) -> Searches:
        rows = everyone(classes(logits, "FixedTarget"))
        check_classes(torch.tensor([self.target]), logits.shape[1])
        return Searches(rows, torch.full_like(rows, self.target))


class RunnerUp:
    """The class that the predictor thinks second most likely; the other one of two."""

    def __call__(self, logits: Tensor) -> Searches:
        rows = everyone(classes(logits, "RunnerUp"))
        return Searches(rows, logits.topk(2, dim=1).indices[:, 1])


class OwnClass:
    """The class that the predictor gives: with the objective ``Prototype``."""

    def __call__(self, logits: Tensor) -> Searches:
        own = classes(logits, "OwnClass")
        return Searches(everyone(own), own)


class EveryOther:
    """Every class but the predicted one: K − 1 searches a sample, in the order of the classes."""

    def __call__(self, logits: Tensor) -> Searches:
        own = classes(logits, "EveryOther")
        others = torch.ones_like(logits, dtype=torch.bool).scatter_(1, own[:, None], False)
        return Searches(*others.nonzero(as_tuple=True))


class Value:
    """The same value r for every sample, in the predictor's unit.

    Args:
        target: r.
    """

    def __init__(self, target: float) -> None:
        self.target = target

    def __call__(self, logits: Tensor) -> Searches:
        now = values(logits, "Value")
        return Searches(everyone(now), torch.full_like(now, self.target))


class Shift:
    """The predictor's own value of each sample plus so much.

    Args:
        by: difference, in the predictor's unit; negative for less.
    """

    def __init__(self, by: float) -> None:
        self.by = by

    def __call__(self, logits: Tensor) -> Searches:
        now = values(logits, "Shift")
        return Searches(everyone(now), now + self.by)


def everyone(said: Tensor) -> Tensor:
    """The rows of one search a sample: 0 … B − 1."""
    return torch.arange(len(said), device=said.device)


def check_classes(target: Tensor, num_classes: int) -> None:
    """Raise ``InputError`` unless every target is in 0 … num_classes − 1."""
    bad = target[(target < 0) | (target >= num_classes)]
    if len(bad):
        raise InputError(
            f"target class {int(bad[0])} is out of range: the predictor has {num_classes} classes, "
            f"0 to {num_classes - 1}"
        )
