from collections.abc import Iterator
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from counterfactuals import Ascent, Chart, Counterfactuals, PixelChart, ReachClass, Status, engine, explain
from counterfactuals.engine import Finished, Problem, find_slots, gathered, lost_device, out_of_memory, run


class Counting(Chart):
    """A chart that counts the rows and batches that it decodes."""

    def __init__(self, chart: Any) -> None:
        super().__init__()
        self.chart, self.rows, self.batches = chart, 0, []

    def encode(self, x: Tensor) -> Tensor:
        return self.chart.encode(x)

    def decode(self, z: Tensor) -> Tensor:
        self.rows += len(z)
        self.batches.append(len(z))
        return self.chart.decode(z)


@pytest.fixture
def problem(linear_chart, linear_predictor) -> Problem:
    return Problem(
        linear_predictor.requires_grad_(False), Counting(linear_chart.requires_grad_(False)), ReachClass(0.9)
    )


@pytest.fixture
def searches(linear_predictor) -> tuple[Tensor, Tensor]:
    x = torch.randn(50, 6)
    target = (linear_predictor(x).argmax(1) + 1) % 3
    target[7] = linear_predictor(x[7:8]).argmax()
    return x, target


def in_order(method: Ascent, problem: Problem, x: Tensor, target: Tensor, slots: int | None) -> Counterfactuals:
    finished = list(run(method, problem, x, target, slots))
    rows = torch.cat([f.rows for f in finished])
    assert rows.sort().values.tolist() == list(range(len(x)))
    return Counterfactuals.join([f.counterfactuals for f in finished]).take(rows.argsort())


@pytest.mark.parametrize("slots", [1, 7, 16, 64, None])
def test_results_do_not_depend_on_the_slots(problem, searches, slots: int | None) -> None:
    method = Ascent(0.05, 40, clip=None, keep_every=3)
    expected, cf = in_order(method, problem, *searches, 50), in_order(method, problem, *searches, slots)
    assert len(set(expected.steps.tolist())) > 5 and (expected.status == Status.TIMEOUT).any()
    assert torch.equal(cf.status, expected.status) and torch.equal(cf.steps, expected.steps)
    assert torch.allclose(cf.z_prime, expected.z_prime, atol=1e-5)
    assert torch.allclose(cf.path, expected.path, atol=1e-5)


def test_every_decode_is_on_an_unfinished_search(problem, searches) -> None:
    cf = in_order(Ascent(0.05, 40, clip=None), problem, *searches, 8)
    needed = int((cf.steps + 1).sum())  # a point is decoded before every step, and where the search ends
    assert problem.chart.rows == needed
    steps = [n for n in problem.chart.batches if n > 1 or needed < 60]
    assert max(steps) == 8 and sum(n == 8 for n in steps) > 0.7 * len(steps), "slots must be full until the end"


def test_what_has_ended_comes_at_once(problem, searches) -> None:
    stream = run(Ascent(0.05, 40, clip=None), problem, *searches, 8)
    next(stream)
    next(stream)
    assert problem.chart.rows < 8 * 40


class SmallMemory(nn.Module):
    """A predictor that takes at most so many rows."""

    def __init__(self, predictor: nn.Module, rows: int) -> None:
        super().__init__()
        self.predictor, self.rows = predictor, rows

    def forward(self, x: Tensor) -> Tensor:
        if x.requires_grad and len(x) > self.rows:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return self.predictor(x)


def test_out_of_memory_halves_the_slots(problem, searches) -> None:
    method = Ascent(0.05, 40, clip=None)
    expected = in_order(method, problem, *searches, 16)
    small = problem._replace(predictor=SmallMemory(problem.predictor, 8))
    with pytest.warns(UserWarning, match="going on with 8 slots instead of 16"):
        cf = in_order(method, small, *searches, 16)
    assert torch.equal(cf.status, expected.status) and torch.allclose(cf.z_prime, expected.z_prime, atol=1e-6)
    tiny = problem._replace(predictor=SmallMemory(problem.predictor, 3))
    with pytest.warns(UserWarning, match="2 slots instead of 4"):
        cf = in_order(method, tiny, *searches, 16)
    assert torch.equal(cf.status, expected.status) and torch.allclose(cf.z_prime, expected.z_prime, atol=1e-6)
    none = problem._replace(predictor=SmallMemory(problem.predictor, 0))
    with pytest.warns(UserWarning, match="1 slots instead of 2"), pytest.raises(torch.OutOfMemoryError):
        in_order(method, none, *searches, 16)


def test_memory_and_lost_devices_are_told_apart() -> None:
    """Libraries on a device raise errors of no type of their own."""
    full = (
        "CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling cublasCreate",
        "cuDNN error: CUDNN_STATUS_ALLOC_FAILED",
    )
    assert all(out_of_memory(RuntimeError(words)) for words in full)
    shape = RuntimeError("mat1 and mat2 shapes cannot be multiplied (4x6 and 9x2)")
    assert not out_of_memory(shape) and not lost_device(shape)
    assert lost_device(RuntimeError("CUDA error: device-side assert triggered"))


def test_slots_are_found_by_doubling(problem, searches) -> None:
    small = problem._replace(predictor=SmallMemory(problem.predictor, 20))
    assert find_slots(Ascent(clip=None), small, *searches) in (8, 16)
    assert find_slots(Ascent(clip=None), problem, searches[0][:3], searches[1][:3]) == 3


def test_what_has_ended_is_handed_over_together(monkeypatch: pytest.MonkeyPatch) -> None:
    """So many at a time, at once where there is a hurry, and none later than ``PATIENCE`` after the first."""
    now = [0.0]
    monkeypatch.setattr(engine, "monotonic", lambda: now[0])
    predictor = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(4, 2))
    cf = explain(predictor, PixelChart((1, 2, 2)), torch.rand(10, 1, 2, 2), 1)

    def ended(seconds: float = 0.0) -> Iterator[Finished]:
        for i in torch.arange(10).split(1):
            yield Finished(i, cf.take(i))
            now[0] += seconds

    assert [f.rows.tolist() for f in gathered(ended(), 4)] == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9]]
    assert [len(f.rows) for f in gathered(ended(), 4, lambda: True)] == [1] * 10
    assert [len(f.rows) for f in gathered(ended(1.0), 9)] == [3, 3, 3, 1]
    (last,) = list(gathered(ended(), 99))
    assert torch.equal(last.counterfactuals.counterfactual, cf.counterfactual)
