from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from safetensors.torch import save

from results.cache import cached


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path / "onmanifold"


@pytest.fixture
def numbers() -> Iterator[int]:
    return iter(range(10))


def test_computed_once_for_what_it_depends_on(folder: Path, numbers: Iterator[int]) -> None:
    compute = lambda: {"n": torch.tensor([next(numbers)])}  # noqa: E731
    values = [int(cached("numbers", key, compute)["n"]) for key in (["a"], ["a"], ["b"], ["a"])]
    assert values == [0, 0, 1, 0] and len(list(folder.glob("numbers-*.safetensors"))) == 2


def test_computed_or_read_the_order_is_the_same(folder: Path) -> None:
    """Ranks gather one after the other."""
    compute = lambda: {"b": torch.zeros(1), "a": torch.zeros(9), "c": torch.zeros(99)}  # noqa: E731
    assert [list(cached("order", ["a"], compute)) for _ in range(2)] == [["a", "b", "c"]] * 2


def test_a_torn_file_is_computed_again(folder: Path, numbers: Iterator[int]) -> None:
    compute = lambda: {"n": torch.tensor([next(numbers)])}  # noqa: E731
    cached("numbers", ["a"], compute)
    (file,) = folder.iterdir()
    file.write_bytes(file.read_bytes()[:9])
    assert int(cached("numbers", ["a"], compute)["n"]) == 1


def test_a_file_that_holds_something_else_is_computed_again(
    folder: Path, numbers: Iterator[int], capsys: pytest.CaptureFixture[str]
) -> None:
    """Other names, another shape, other values, another file's content; a folder cannot be replaced, and is told."""
    compute = lambda: {"n": torch.tensor([next(numbers)])}  # noqa: E731
    cached("numbers", ["other"], compute)
    (other,) = folder.iterdir()
    cached("numbers", ["a"], compute)
    (file,) = set(folder.iterdir()) - {other}
    before = file.read_bytes()
    wrong: list[dict[str, torch.Tensor]] = [
        {"m": torch.tensor([1])},
        {"n": torch.tensor([[1]])},
        {"n": torch.tensor([1.0])},
    ]
    contents = [
        *(save(tensors) for tensors in wrong),
        other.read_bytes(),
        before.replace(b"\1" + bytes(7), b"\2" + bytes(7)),
    ]
    for i, content in enumerate(contents):
        assert content != before
        file.write_bytes(content)
        assert int(cached("numbers", ["a"], compute)["n"]) == i + 2
    file.unlink()
    file.mkdir()
    assert int(cached("numbers", ["a"], compute)["n"]) == len(contents) + 2
    assert "Not cached: [Errno 21] Is a directory" in (said := capsys.readouterr().out) and str(folder) in said


def test_a_home_without_room_costs_the_cache_alone(
    folder: Path, numbers: Iterator[int], capsys: pytest.CaptureFixture[str]
) -> None:
    folder.write_text("a file where the folder should be")
    assert int(cached("numbers", ["a"], lambda: {"n": torch.tensor([next(numbers)])})["n"]) == 0
    assert "Not cached" in capsys.readouterr().out


def test_computed_or_read_they_come_in_one_order(folder: Path) -> None:
    """Ranks gather them one after the other: rank zero computes, and the others read."""
    compute = lambda: {"pooled": torch.zeros(4, 2), "spatial": torch.zeros(4, 9), "a": torch.zeros(1)}  # noqa: E731
    assert [list(cached("features", [], compute)) for _ in range(2)] == [["a", "pooled", "spatial"]] * 2


def test_what_is_not_finite_is_not_kept(folder: Path) -> None:
    assert cached("latents", [], lambda: {"z": torch.tensor([torch.nan])})["z"].isnan().all()
    assert not folder.exists()
