import os
import threading
import time
from pathlib import Path

import numpy as np
import pytest
import torch

from datamodules.images import decoded as module
from datamodules.images.decoded import FORGOTTEN, Decoded
from networks.errors import InputError


def read(file: Path) -> np.ndarray:
    """Two images of 1×1×2 a file, in which its number is."""
    text = file.read_text()
    if text == "broken":
        raise InputError(f"{file.name} is broken")
    return np.full((2, 1, 1, 2), int(text), np.uint8)


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    files = [tmp_path / f"{i}.txt" for i in range(200)]
    for i, file in enumerate(files):
        file.write_text(str(i))
    return files


def expected(files: list[Path]) -> torch.Tensor:
    return torch.tensor([int(f.stem) for f in files], dtype=torch.uint8).repeat_interleave(2)[:, None, None, None]


@pytest.mark.parametrize("n", [3, 200])
def test_in_the_order_of_the_files_in_one_process_or_several(files: list[Path], n: int) -> None:
    images = Decoded(files[:n], (2, 1, 1, 2), read)
    assert images.find() is None
    assert images.make() == []
    assert torch.equal(images.find(), expected(files[:n]).expand(-1, 1, 1, 2))
    assert Decoded(files[:n], (2, 1, 1, 2), pytest.fail).make() == [], "decoded again"
    found = images.find()
    found[:] = 0  # in this process alone
    assert torch.equal(images.find(), expected(files[:n]).expand(-1, 1, 1, 2))


def test_what_it_depends_on(files: list[Path]) -> None:
    one = Decoded(files, (2, 1, 1, 2), read)
    os.utime(files[7], ns=(1, 1))
    others = [
        Decoded(files, (2, 1, 1, 2), read),
        Decoded(files[::-1], (2, 1, 1, 2), read),
        Decoded(files, (2, 1, 1, 2), read, "x"),
    ]
    assert len({one.digest, *(other.digest for other in others)}) == 4
    with pytest.raises(InputError, match=r"gone.txt cannot be read as an image"):
        Decoded([Path("gone.txt")], (2, 1, 1, 2), read)


def test_all_files_that_cannot_be_read_are_told_and_nothing_is_kept(files: list[Path]) -> None:
    for i in (5, 150):
        files[i].write_text("broken")
    images = Decoded(files, (2, 1, 1, 2), read)
    assert images.make() == ["5.txt is broken", "150.txt is broken"]
    assert images.find() is None and not list(images.file.parent.glob("*.npy"))


def test_a_file_that_is_cut_off_is_made_again(files: list[Path]) -> None:
    images = Decoded(files, (2, 1, 1, 2), read)
    images.make()
    whole = images.file.read_bytes()
    for content in (whole[:-5], whole[:20], b"", b"no array"):
        images.file.write_bytes(content)
        assert images.find() is None and images.make() == [] and images.file.read_bytes() == whole


def test_without_room_nothing_is_kept_and_that_is_said(
    files: list[Path], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    images = Decoded(files, (2, 1, 1, 2), read)
    monkeypatch.setattr(module, "ROOM", 0.0)
    assert images.make() == [] and images.find() is None
    assert "BEWARE: images are decoded again whenever they are needed: 0 MB are too much for" in capsys.readouterr().out
    monkeypatch.setattr(module, "ROOM", 0.5)
    monkeypatch.setenv("XDG_CACHE_HOME", "/proc/nothing")
    assert Decoded(files, (2, 1, 1, 2), read).make() == []
    assert "BEWARE" in capsys.readouterr().out


def test_two_runs_that_want_the_same_decode_it_once(files: list[Path]) -> None:
    calls: list[Path] = []

    def slow(file: Path) -> np.ndarray:
        calls.append(file)
        time.sleep(0.01)
        return read(file)

    runs = [threading.Thread(target=Decoded(files[:20], (2, 1, 1, 2), slow).make) for _ in range(3)]
    for run in runs:
        run.start()
    for run in runs:
        run.join()
    assert sorted(calls) == sorted(files[:20])


def test_arrays_that_nobody_opens_are_deleted(files: list[Path]) -> None:
    old, used = Decoded(files[:5], (2, 1, 1, 2), read), Decoded(files[:6], (2, 1, 1, 2), read)
    for images in (old, used):
        images.make()
        os.utime(images.file, (time.time() - FORGOTTEN - 9,) * 2)
    assert used.find() is not None
    Decoded(files[:7], (2, 1, 1, 2), read).make()
    assert not old.file.exists() and used.file.exists()
