"""Files that appear whole or not at all."""

import contextlib
import fcntl
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any


def cache_folder() -> Path:
    """``$XDG_CACHE_HOME/onmanifold``, otherwise ``~/.cache/onmanifold``; it may be deleted at any time."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "onmanifold"


@contextlib.contextmanager
def one_at_a_time(file: Path) -> Iterator[None]:
    """Other processes that want to make the same file wait here; they should then look whether it is there.

    Where the disk knows no locks nobody waits: what appears by ``write_atomically`` is whole all the same.
    """
    with file.with_name(f"{file.name}.lock").open("w") as lock:
        with contextlib.suppress(OSError):
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def write_atomically(file: Path, write: Callable[[Path], Any]) -> None:
    """Write beside the file, wait for the disk, and rename: a kill, a full disk or a power cut leaves no torn file.

    What had the name before is there until then. A symbolic link of that name is replaced, and what it points to
    stays as it is.
    """
    beside = file.with_name(f".{file.name}.{os.getpid()}.partial")
    beside.unlink(missing_ok=True)
    try:
        beside.unlink(missing_ok=True)  # a dead process may have had the same number
        write(beside)
        _to_disk(beside)
        beside.replace(file)
        _to_disk(file.parent)
    finally:
        beside.unlink(missing_ok=True)


def _to_disk(path: Path) -> None:
    """Also a folder, whose names are else in memory alone."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
