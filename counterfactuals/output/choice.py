"""Which rows are asked for."""

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor

from networks.errors import InputError

MOST = 50  # rows that a figure holds


def which(rows: Any, n: int) -> Tensor:
    """Indices of the rows that are asked for, of n; int64.

    >>> which(2, 5), which(slice(-2, None), 5), which([0, -1], 5), which(torch.tensor([False, True]), 2)
    (tensor([0, 1]), tensor([3, 4]), tensor([0, 4]), tensor([1]))
    """
    if isinstance(rows, int) and not isinstance(rows, bool) and rows > 0:
        rows = slice(rows)
    chosen = torch.arange(n)[rows] if isinstance(rows, slice) else _indices(rows, n)
    if not len(chosen):
        raise InputError(f"rows asks for none of {n} rows; got {rows!r}")
    if len(chosen) > MOST:
        raise InputError(f"rows asks for {len(chosen)} rows, and a figure holds {MOST}: show them in parts")
    return chosen


def _indices(rows: Any, n: int) -> Tensor:
    wrong = InputError(f"rows must be a positive number, a slice, or indices from {-n} to {n - 1}; got {rows!r}")
    if isinstance(rows, str) or not isinstance(rows, Iterable):
        raise wrong
    try:
        given = torch.as_tensor(rows if isinstance(rows, Tensor) else list(rows)).cpu()
    except (TypeError, ValueError, RuntimeError) as error:
        raise wrong from error
    if given.dtype == torch.bool and given.shape == (n,):
        return given.nonzero()[:, 0]
    if given.numel() == 0:
        return given.long()
    whole = given.ndim == 1 and given.dtype != torch.bool and not given.is_floating_point()
    if not whole or given.min() < -n or given.max() >= n:
        raise wrong
    return given.long() % n
