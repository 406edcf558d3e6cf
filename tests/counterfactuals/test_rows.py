from typing import NamedTuple

import torch
from torch import Tensor

from counterfactuals.rows import flatten, join, scatter, take, unflatten


class Inner(NamedTuple):
    m: Tensor
    t: Tensor


class State(NamedTuple):
    z: Tensor
    inner: Inner
    path: Tensor | None


def state(n: int, path: bool = False) -> State:
    return State(torch.randn(n, 3), Inner(torch.randn(n, 2, 2), torch.arange(n)), torch.randn(n, 1) if path else None)


def test_taken_apart_and_joined_it_is_the_same() -> None:
    whole, odd = state(5, path=True), torch.arange(5) % 2 == 1
    again = take(join([take(whole, odd), take(whole, ~odd)]), torch.tensor([2, 0, 3, 1, 4]))
    assert torch.equal(again.z, whole.z) and torch.equal(again.inner.m, whole.inner.m)
    assert torch.equal(again.inner.t, whole.inner.t) and torch.equal(again.path, whole.path)
    assert take(state(3), odd[:3]).path is None


def test_sets_are_rows_with_an_axis_more() -> None:
    rows = state(6, path=True)
    sets = unflatten(rows, 3)
    assert sets.inner.m.shape == (2, 3, 2, 2) and torch.equal(sets.z[1, 0], rows.z[3])
    assert torch.equal(flatten(sets).path, rows.path)


def test_scatter_copies() -> None:
    whole, others = state(4), state(2)
    changed = scatter(whole, torch.tensor([3, 0]), others)
    assert torch.equal(changed.z, torch.stack([others.z[1], whole.z[1], whole.z[2], others.z[0]]))
    assert not torch.equal(changed.inner.m[0], whole.inner.m[0]), "the state before is not touched"
