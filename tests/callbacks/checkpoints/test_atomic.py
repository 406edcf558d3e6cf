import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import torch

from callbacks import AtomicCheckpointIO
from results.files import sweep
from tests.support.runs import fit

OLD, NEW = {"state_dict": {"w": torch.zeros(1000)}}, {"state_dict": {"w": torch.ones(1000)}}


class Killed(BaseException):
    pass


class Operations:
    """Lets so many file operations happen. The next one is done by half and raises, and all after it raise."""

    def __init__(self, patch: pytest.MonkeyPatch, allowed: float, error: Callable[[], BaseException]) -> None:
        self.done, self.allowed, self.error = 0, allowed, error
        for place, name in ((Path, "replace"), (Path, "unlink"), (Path, "write_bytes"), (os, "open"), (os, "fsync")):
            patch.setattr(place, name, self._counted(getattr(place, name), name))

    def _counted(self, original: Callable[..., Any], name: str) -> Callable[..., Any]:
        def operation(*args: Any, **kwargs: Any) -> Any:
            self.done += 1
            if self.done <= self.allowed:
                return original(*args, **kwargs)
            if name == "write_bytes" and self.done == self.allowed + 1:
                original(args[0], bytes(args[1])[: len(args[1]) // 2])
            raise self.error()

        return operation


def value(file: Path) -> float:
    return float(torch.load(file, weights_only=True)["state_dict"]["w"].mean())


@pytest.mark.parametrize("exists", [False, True])
def test_killed_at_any_file_operation_the_name_is_the_old_or_the_new_checkpoint(tmp_path: Path, exists: bool) -> None:
    seen, n, killed = [], 0, True
    while killed:
        folder = tmp_path / str(n)
        if exists:
            AtomicCheckpointIO().save_checkpoint(OLD, folder / "best.ckpt")
        folder.mkdir(exist_ok=True)
        with pytest.MonkeyPatch.context() as patch:
            operations = Operations(patch, n, Killed)
            with suppress(Killed):
                AtomicCheckpointIO().save_checkpoint(NEW, folder / "best.ckpt")
            killed = operations.done > n
        seen.append(value(folder / "best.ckpt") if (folder / "best.ckpt").exists() else None)
        n += 1
    assert n > 6 and seen == sorted(seen, key=lambda v: v == 1.0), "once it is the new one it stays"
    assert set(seen) == {0.0 if exists else None, 1.0}


def test_a_full_disk_leaves_the_old_checkpoint_and_nothing_else(tmp_path: Path) -> None:
    file = tmp_path / "last.ckpt"
    AtomicCheckpointIO().save_checkpoint(OLD, file)
    for n in range(4):  # up to the renaming
        with pytest.MonkeyPatch.context() as patch, pytest.raises(OSError, match="No space left"):
            Operations(patch, n, lambda: OSError(28, "No space left on device"))
            AtomicCheckpointIO().save_checkpoint(NEW, file)
        assert value(file) == 0.0
        sweep(tmp_path)


def test_what_a_link_points_to_stays_as_it_is(tmp_path: Path) -> None:
    precious, link = tmp_path / "precious", tmp_path / "run" / "best.ckpt"
    precious.write_text("mine")
    link.parent.mkdir()
    link.symlink_to(precious)
    (link.parent / f".best.ckpt.{os.getpid()}.partial").symlink_to(precious)
    AtomicCheckpointIO().save_checkpoint(NEW, link)
    assert precious.read_text() == "mine" and not link.is_symlink() and value(link) == 1.0


def test_both_checkpoints_of_a_training_are_written_by_it(
    in_digits_home: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    saved = []

    def save(self: AtomicCheckpointIO, checkpoint: dict[str, Any], path: str, storage_options: Any) -> None:
        saved.append(path)

    monkeypatch.setattr(AtomicCheckpointIO, "save_checkpoint", save)
    fit("digits/svm.yaml", f"--trainer.default_root_dir={tmp_path}")
    assert [Path(path).name for path in saved] == ["best.ckpt", "last.ckpt"]
