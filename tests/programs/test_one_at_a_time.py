"""Two command lines in one folder: the second is refused before it touches anything."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

import explain
from command_line import run
from results import lock
from results.lock import acquire
from tests.report.synthetic import write_run
from tests.support.runs import NO_LOGGER, QUIET, config, fit


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lock, "PATIENCE", 0.0)


@contextmanager
def in_use(folder: Path) -> Iterator[int]:
    """By another process."""
    read, write = os.pipe()
    holder = os.fork()
    if not holder:
        acquire(folder)
        os.write(write, b"!")
        signal.pause()
    os.read(read, 1)
    try:
        yield holder
    finally:
        os.kill(holder, signal.SIGKILL)
        os.waitpid(holder, 0)


def snapshot(folder: Path) -> dict[str, tuple[int, int]]:
    stats = {f.name: f.stat() for f in folder.rglob("*") if f.name != lock.LOCK}
    return {name: (stat.st_size, stat.st_mtime_ns) for name, stat in stats.items()}


@pytest.mark.parametrize("command", ["fit", "explain", "report"])
def test_a_second_command_is_refused(tmp_path: Path, command: str) -> None:
    folder = write_run(tmp_path / "run", n=12, size=8)
    (folder / "config.yaml").write_text("an earlier one's")
    before, here = snapshot(folder), f"--trainer.default_root_dir={folder}"
    commands = {
        "fit": lambda: fit("digits/classifier.yaml", here),
        # with loggers, which would make files and delete the earlier run's CSV
        "explain": lambda: explain.main([config("digits/explain.yaml"), *QUIET, here]),
        "report": lambda: explain.main(["report", str(folder)]),
    }
    with in_use(folder) as holder, pytest.raises(SystemExit) as stop:
        run(commands[command])
    told = str(stop.value.code)
    assert told.startswith(f"error: '{folder}' is in use by process {holder} on ") and "\n" not in told
    assert snapshot(folder) == before


def test_a_folder_is_free_after_a_command_that_failed(tmp_path: Path) -> None:
    here = f"--trainer.default_root_dir={tmp_path / 'run'}"
    with pytest.raises(SystemExit):
        run(lambda: explain.main([config("digits/explain.yaml"), *QUIET, *NO_LOGGER, here, "--model.chart=none.ckpt"]))
    with in_use(tmp_path / "run"):
        assert not lock._held
