from collections.abc import Iterator
from pathlib import Path

import pytest
import pytorch_lightning as pl
import torch

from callbacks.cache import cached


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path / "onmanifold"


@pytest.fixture
def trainer() -> pl.Trainer:
    return pl.Trainer(logger=False, accelerator="cpu")


@pytest.fixture
def numbers() -> Iterator[int]:
    return iter(range(10))


def test_computed_once_for_what_it_depends_on(folder: Path, trainer: pl.Trainer, numbers: Iterator[int]) -> None:
    compute = lambda: {"n": torch.tensor([next(numbers)])}  # noqa: E731
    values = [int(cached(trainer, "numbers", key, compute)["n"]) for key in (["a"], ["a"], ["b"], ["a"])]
    assert values == [0, 0, 1, 0] and len(list(folder.glob("numbers-*.safetensors"))) == 2


def test_a_torn_file_is_computed_again(folder: Path, trainer: pl.Trainer, numbers: Iterator[int]) -> None:
    compute = lambda: {"n": torch.tensor([next(numbers)])}  # noqa: E731
    cached(trainer, "numbers", ["a"], compute)
    (file,) = folder.iterdir()
    file.write_bytes(file.read_bytes()[:9])
    assert int(cached(trainer, "numbers", ["a"], compute)["n"]) == 1


def test_a_home_without_room_costs_the_cache_alone(
    folder: Path, trainer: pl.Trainer, numbers: Iterator[int], capsys: pytest.CaptureFixture[str]
) -> None:
    folder.write_text("a file where the folder should be")
    assert int(cached(trainer, "numbers", ["a"], lambda: {"n": torch.tensor([next(numbers)])})["n"]) == 0
    assert "Not cached" in capsys.readouterr().out
