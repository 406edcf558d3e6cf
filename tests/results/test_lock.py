import errno
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from networks import InputError
from results import lock
from results.lock import LOCK, acquire, release, releasing
from tests.support.faults import forked


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name, seconds in (("PATIENCE", 0.0), ("SILENCE", 0.6), ("BEAT", 0.1)):
        monkeypatch.setattr(lock, name, seconds)
    with releasing():
        yield


def owner(folder: Path, **changed: object) -> None:
    """Somebody else's mark."""
    other = {"host": "node7", "pid": 4321, "start": "99", "since": "2026-01-02 03:04:05", **changed}
    (folder / LOCK).write_text(json.dumps(other))


def elsewhere(act: Callable[[], object]) -> None:
    """In a process that is not this one's child, which could be one that is spawned for a rank."""
    assert forked(lambda: os._exit(forked(act))) == 0


def refused(folder: Path) -> str:
    """What another process is told."""
    said = folder.with_name("said")

    def other() -> None:
        try:
            acquire(folder)
        except InputError as error:
            said.write_text(str(error))

    elsewhere(other)
    return said.read_text()


def test_two_processes(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    assert acquire(folder) and not acquire(folder), "a process may ask again"
    told = refused(folder)
    assert re.fullmatch(
        rf"'{folder}' is in use by process {os.getpid()} on \S+ since [-\d]+ [:\d]+: wait until it has ended, or "
        r"choose another --trainer\.default_root_dir",
        told,
    )
    release(folder)
    elsewhere(lambda: acquire(folder))
    assert acquire(folder)


def test_a_killed_process_holds_nothing(tmp_path: Path) -> None:
    """Nor does what it has forked, as workers that load data are."""
    read, write = os.pipe()
    holder = os.fork()
    if not holder:
        acquire(tmp_path)
        if worker := os.fork():
            os.write(write, str(worker).encode())
        time.sleep(60)
        os._exit(0)
    worker = int(os.read(read, 100))
    with pytest.raises(InputError, match=f"process {holder} on"):
        acquire(tmp_path)
    os.kill(holder, signal.SIGKILL)
    os.waitpid(holder, 0)
    os.kill(worker, 0)  # it is still there
    assert acquire(tmp_path)
    os.kill(worker, signal.SIGKILL)


def test_a_process_that_was_spawned_for_a_rank_shares_its_parents(tmp_path: Path) -> None:
    acquire(tmp_path)
    lock._held.clear()  # a spawned process knows nothing of it
    assert forked(lambda: acquire(tmp_path)) == 0


def test_another_host_that_lives_is_named_and_a_dead_one_is_not_waited_for_long(tmp_path: Path) -> None:
    """Where the file system gives the lock to both."""
    owner(tmp_path)
    beats = subprocess.Popen([sys.executable, "-c", BEATS, str(tmp_path / LOCK)])
    time.sleep(0.3)
    with pytest.raises(
        InputError, match=r"process 4321 on node7 since 2026-01-02 03:04:05: .* or delete \S+/\.lock if"
    ):
        acquire(tmp_path)
    beats.kill()
    beats.wait()
    start = time.monotonic()
    assert acquire(tmp_path) and 0.5 < time.monotonic() - start < 5
    release(tmp_path)
    owner(tmp_path)
    os.utime(tmp_path / LOCK, (0, 0))
    start = time.monotonic()
    assert acquire(tmp_path) and time.monotonic() - start < 0.4, "a day ago"


BEATS = """
import os, sys, time
while True:
    os.utime(sys.argv[1])
    time.sleep(0.05)
"""


def test_a_file_system_without_locks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def none(*args: object) -> None:
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr(lock.fcntl, "lockf", none)
    own = {"host": lock.socket.gethostname(), "pid": os.getppid(), "start": lock._started(os.getppid())}
    owner(tmp_path, **own)
    with pytest.raises(InputError, match=rf"in use by process {os.getppid()} on "):
        acquire(tmp_path)
    owner(tmp_path, **{**own, "start": "1"})  # its number has been given to another process since
    assert acquire(tmp_path) and json.loads((tmp_path / LOCK).read_text())["pid"] == os.getpid()
    release(tmp_path)
    assert (tmp_path / LOCK).read_text() == ""


def test_a_holder_gives_signs_of_life(tmp_path: Path) -> None:
    acquire(tmp_path)
    os.utime(tmp_path / LOCK, (0, 0))
    time.sleep(0.5)
    assert time.time() - (tmp_path / LOCK).stat().st_mtime < 10


def test_nowhere_to_write(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match=r"nothing can be written in '.*/file/run' .Not a directory.*choose another"):
        acquire(tmp_path / "file" / "run")
    (tmp_path / LOCK).symlink_to(tmp_path / "elsewhere")
    with pytest.raises(InputError, match=r"nothing can be written in .*symbolic link"):
        acquire(tmp_path)
    assert not (tmp_path / "elsewhere").exists()


@pytest.mark.parametrize("text", ["", "{", "[]", "5", '{"host": "a"}', "\0" * 50])
def test_a_damaged_mark_is_nobodys(tmp_path: Path, text: str) -> None:
    (tmp_path / LOCK).write_text(text)
    assert acquire(tmp_path)
