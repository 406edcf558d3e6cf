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


def _map(function: Any, states: Sequence[Any]) -> Any:
    first = states[0]
    if first is None:
        return None
    if isinstance(first, Tensor):
        return function(list(states))
    return type(first)(*(_map(function, parts) for parts in zip(*states, strict=True)))
