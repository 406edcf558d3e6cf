"""Rows of nested tuples of tensors: the state of many searches as one value."""

from collections.abc import Sequence
from typing import Any, TypeVar

import torch
from torch import Tensor

Rows = TypeVar("Rows")  # a tensor of n×…, or a NamedTuple of such, nested; None stays None


def take(state: Rows, index: Tensor | slice) -> Rows:
    """The given rows (int64 or bool) of every tensor in ``state``."""
    return _map(lambda values: values[0][index], [state])


def join(states: Sequence[Rows]) -> Rows:
    """The rows of all states, one after the other."""
    return states[0] if len(states) == 1 else _map(torch.cat, states)


def flatten(state: Rows) -> Rows:
    """n×m×… as nm×…."""
    return _map(lambda values: values[0].flatten(0, 1), [state])


def unflatten(state: Rows, m: int) -> Rows:
    """nm×… as n×m×…."""
    return _map(lambda values: values[0].unflatten(0, (-1, m)), [state])


def scatter(state: Rows, rows: Tensor, others: Rows) -> Rows:
    """A copy of ``state`` that has ``others`` at ``rows`` (int64)."""
    return _map(lambda values: values[0].index_copy(0, rows, values[1]), [state, others])


def _map(function: Any, states: Sequence[Any]) -> Any:
    first = states[0]
    if first is None:
        return None
    if isinstance(first, Tensor):
        return function(list(states))
    return type(first)(*(_map(function, parts) for parts in zip(*states, strict=True)))
