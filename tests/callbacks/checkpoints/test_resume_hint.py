import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from command_line import run
from lightning_modules import ClassifierModule
from tests.support.runs import fit


def interrupt() -> None:
    raise KeyboardInterrupt


def stopped(how: Callable[[], None], after: int, folder: Path) -> int | str | None:
    """The exit code of a training that is stopped after so many steps, of 20 an epoch."""
    original, calls = ClassifierModule.training_step, []

    def step(self, batch, batch_idx):
        calls.append(1)
        if len(calls) == after:
            how()
        return original(self, batch, batch_idx)

    before = signal.getsignal(signal.SIGINT)  # Lightning's handling of Ctrl-C leaves it ignored
    try:
        with pytest.MonkeyPatch.context() as patch, pytest.raises(SystemExit) as stop:
            patch.setattr(ClassifierModule, "training_step", step)
            run(lambda: fit("digits/svm.yaml", f"--trainer.default_root_dir={folder}", tiny=False))
    finally:
        signal.signal(signal.SIGINT, before)
    return stop.value.code


def full() -> None:
    raise OSError(28, "No space left on device")


@pytest.mark.parametrize(
    ("how", "code"),
    [
        (interrupt, 130),
        (lambda: os.kill(os.getpid(), signal.SIGTERM), 143),
        (full, "error: [Errno 28] No space left on device: make room there"),
    ],
    ids=["ctrl-c", "sigterm", "full-disk"],
)
def test_stopped_it_says_how_to_continue(
    in_digits_home: Path, tmp_path: Path, capsys: pytest.CaptureFixture, how: Callable[[], None], code: int | str
) -> None:
    assert stopped(how, 25, tmp_path) == code
    assert f"the same command with --ckpt_path {tmp_path / 'last.ckpt'} continues" in capsys.readouterr().out
    assert stopped(how, 5, tmp_path) == code
    said = capsys.readouterr().out
    assert "Stopped before the first checkpoint: nothing was saved" in said and "earlier-1" in said
