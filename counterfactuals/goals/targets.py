"""Which classes or values to search for, given what the predictor says of a sample."""

from collections.abc import Sequence
from typing import NamedTuple, Protocol, runtime_checkable

import torch
from torch import Tensor

from counterfactuals.goals.objectives import classes
from counterfactuals.goals.values import values
from networks.checks import LARGEST, finite, whole
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


@runtime_checkable
class KnownValues(Protocol):
    """A policy whose values are known before it sees a sample; those that no data has are refused.

    Attributes:
        asked_for: the values.
    """

    asked_for: tuple[float, ...]


class FixedTarget:
    """The same class for every sample, e.g. every four is to become a nine.

    Raises:
        InputError: no whole number; on use, where the predictor has no such class.
    """

    def __init__(self, target: int) -> None:
        if whole(-LARGEST, LARGEST, target=target):
            raise InputError(f"target must be a class, a whole number; got {target!r}")
        self.target = target

    def __call__(self, logits: Tensor) -> Searches:
        rows = all_rows(classes(logits, "FixedTarget"))
        check_classes(torch.tensor([self.target]), logits.shape[1])
        return Searches(rows, torch.full_like(rows, self.target))


class RunnerUp:
    """The class that the predictor thinks second most likely; the other one of two."""

    def __call__(self, logits: Tensor) -> Searches:
        rows = all_rows(classes(logits, "RunnerUp"))
        return Searches(rows, logits.topk(2, dim=1).indices[:, 1])


class OwnClass:
    """The class that the predictor gives: with the method ``Prototype``."""

    def __call__(self, logits: Tensor) -> Searches:
        own = classes(logits, "OwnClass")
        return Searches(all_rows(own), own)


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

    Raises:
        InputError: r is not finite.
    """

    def __init__(self, target: float) -> None:
        self.asked_for = finite_values("target", [target])

    def __call__(self, logits: Tensor) -> Searches:
        now = values(logits, "Value")
        return Searches(all_rows(now), torch.full_like(now, self.asked_for[0]))


class Values:
    """Several values for every sample, for a dose–response curve: with the objective ``Within``.

    Args:
        targets: r₁, r₂, …; as many searches a sample, in this order.

    Raises:
        InputError: none, or one that is not finite.
    """

    def __init__(self, targets: Sequence[float]) -> None:
        if isinstance(targets, str) or not isinstance(targets, Sequence) or not targets:
            raise InputError(f"targets must name at least one value, e.g. [0, 2, 4, 6]; got {targets!r}")
        self.asked_for = finite_values("targets", targets)

    def __call__(self, logits: Tensor) -> Searches:
        now = values(logits, "Values")
        rows = all_rows(now).repeat_interleave(len(self.asked_for))
        return Searches(rows, torch.tensor(self.asked_for, device=now.device, dtype=now.dtype).repeat(len(now)))


class FewAndMany:
    """Few become many and many become few, by what the predictor says (Dombrowski et al., IV.B.1).

    Samples between are not searched from. With the objective ``Across``, whose middle lies between, too.

    Args:
        few: samples of this value or less are to become many.
        many: samples of this value or more are to become few; more than ``few``.
        high: r that the few are to reach, above ``few``.
        low: r that the many are to come down to, below ``many``.

    Raises:
        InputError: numbers in another order, or not finite.
    """

    def __init__(self, few: float, many: float, high: float, low: float) -> None:
        self.asked_for = finite_values("high and low", [high, low])
        finite_values("few and many", [few, many])
        given = {"few": few, "many": many, "high": high, "low": low}
        problems = [
            f"{a} must be below {b}; got {given[a]} and {given[b]}"
            for a, b in (("few", "many"), ("few", "high"), ("low", "many"))
            if not given[a] < given[b]
        ]
        InputError.collect(problems)
        self.few, self.many = few, many

    def __call__(self, logits: Tensor) -> Searches:
        now = values(logits, "FewAndMany")
        high, low = self.asked_for
        rows = ((now <= self.few) | (now >= self.many)).nonzero()[:, 0]
        return Searches(rows, torch.where(now[rows] <= self.few, high, low).to(now))


class Shift:
    """The predictor's own value of each sample plus so much.

    Args:
        by: difference, in the predictor's unit; negative for less.

    Raises:
        InputError: a difference that is not finite.
    """

    def __init__(self, by: float) -> None:
        finite_values("by", [by])
        self.by = by

    def __call__(self, logits: Tensor) -> Searches:
        now = values(logits, "Shift")
        return Searches(all_rows(now), now + self.by)


def finite_values(name: str, given: Sequence[float]) -> tuple[float, ...]:
    """The same; raises ``InputError`` where one is not finite."""
    if bad := [value for value in given if finite(value=value)]:
        raise InputError(f"{name} must be finite, in the predictor's unit; got {bad}")
    return tuple(map(float, given))


def all_rows(said: Tensor) -> Tensor:
    """The rows of one search a sample: 0 … B − 1."""
    return torch.arange(len(said), device=said.device)


def check_classes(target: Tensor, num_classes: int, who: str = "the predictor") -> None:
    """Raise ``InputError`` unless every target is in 0 … num_classes − 1, the classes that ``who`` has."""
    bad = target[(target < 0) | (target >= num_classes)]
    if len(bad):
        raise InputError(
            f"target class {int(bad[0])} is out of range: {who} has {num_classes} classes, 0 to {num_classes - 1}"
        )
