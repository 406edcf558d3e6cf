"""Fixtures: seeds, and a linear world in which everything has a closed form."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
import wandb
from torch import nn

from counterfactuals import Chart
from tests.support.runs import fit, train_digits

os.environ.setdefault("WANDB_SILENT", "true")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What starts command lines comes first: it takes longest, and workers should end together."""
    items.sort(key=lambda item: item.path.parent != Path(__file__).with_name("programs"))


@pytest.fixture(autouse=True, scope="session")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """What tests compute does not end up in the user's cache."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(autouse=True)
def wandb_run() -> Iterator[None]:
    """A W&B run that a test leaves open would take in the next test's records, whichever that is."""
    yield
    if wandb.run is not None:
        wandb.finish()


@pytest.fixture(autouse=True)
def seed() -> Iterator[None]:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        yield


class LinearChart(Chart):
    """x = A z + b, encoded by the exact inverse."""

    exact = True

    def __init__(self, dim: int, shape: tuple[int, ...] | None = None) -> None:
        super().__init__()
        self.dim, self.shape = dim, shape or (dim,)
        self.a = nn.Parameter(torch.eye(dim) + 0.3 * torch.randn(dim, dim) / dim**0.5)
        self.b = nn.Parameter(0.1 * torch.randn(dim))

    def encode(self, x: torch.Tensor) -> torch.Tensor:
        return torch.linalg.solve(self.a, (x.flatten(1) - self.b).T).T

    def decode(self, z: torch.Tensor) -> torch.Tensor:
        return (z @ self.a.T + self.b).view(-1, *self.shape)


@pytest.fixture
def linear_chart() -> LinearChart:
    return LinearChart(6)


@pytest.fixture
def linear_predictor() -> nn.Linear:
    # Orthogonal rows: with random ones a class can lie inside the hull of the others, out of any search's reach.
    predictor = nn.Linear(6, 3)
    nn.init.orthogonal_(predictor.weight)
    return predictor


@pytest.fixture(scope="session")
def digits_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A working directory in which the digits models have been trained for a moment."""
    home = tmp_path_factory.mktemp("digits")
    here = Path.cwd()
    os.chdir(home)
    try:
        train_digits()
        fit("digits/classifier.yaml", "--trainer.max_epochs=6", tiny=False)
    finally:
        os.chdir(here)
    return home


@pytest.fixture
def in_digits_home(digits_home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(digits_home)
    return digits_home
