from pathlib import Path

import pytest
import torch

from metrics import ActiveUnits
from tests.support.ranks import on_ranks

STD = torch.tensor([0.0, 0.05, 0.2, 3.0])  # of which two have a variance above 0.01


def means(n: int) -> torch.Tensor:
    z = torch.randn(n, 4)
    return 100 + STD * (z - z.mean(0)) / z.std(0)  # far from 0, where float32 would lose the variance


def test_counts_the_dimensions_that_vary_over_all_batches() -> None:
    z, metric = means(100), ActiveUnits(4)
    order = z[:, 2].argsort()
    for part in z[order].split(7):  # in each of which the third hardly varies
        metric.update(part)
    assert metric.compute() == 2
    assert metric.reset() is None and metric.count == 0


@pytest.mark.parametrize(("threshold", "expected"), [(0.0, 3), (0.001, 3), (0.1, 1), (10.0, 0)])
def test_by_the_threshold(threshold: float, expected: int) -> None:
    metric = ActiveUnits(4, threshold)
    metric.update((means(50) - 100).double().where(STD > 0, 0.0))
    assert metric.compute() == expected


def _on_rank(rank: int, folder: str, z: torch.Tensor) -> None:
    metric = ActiveUnits(4)
    metric.update(z[:30] if rank == 0 else z[30:])
    torch.save(metric.compute(), f"{folder}/{rank}.pt")


def test_over_all_ranks(tmp_path: Path) -> None:
    """A dimension that is constant on either rank, and differs between them, is active."""
    z = torch.zeros(50, 4)
    z[:30, 1] = 1.0
    on_ranks(2, _on_rank, tmp_path, str(tmp_path), z)
    assert [float(torch.load(tmp_path / f"{rank}.pt", weights_only=True)) for rank in (0, 1)] == [1.0, 1.0]
