"""One run at a time in a folder."""

import errno
import fcntl
import json
import os
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from networks.errors import InputError

LOCK = ".lock"
PATIENCE = 2.0  # seconds that a killed process may take to go
BEAT = 10.0  # seconds between two signs of life
SILENCE = 90.0  # seconds without one after which another host's run is taken for dead; networks' disks cache for 60
LONG_AGO = 900.0  # a sign of life so old needs no waiting, however much the hosts' clocks differ
NO_LOCKS = (errno.ENOLCK, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EINVAL)

_held: dict[Path, "_Lock"] = {}


def acquire(folder: Path) -> bool:
    """Take a folder for this process, which makes it if need be; the kernel frees it when the process ends.

    Returns:
        whether it has been taken just now; not where this process has had it before.

    Raises:
        InputError: another run is in it, or nothing can be written there.
    """
    folder = folder.resolve()
    if folder in _held and _held[folder].pid == os.getpid():
        return False
    try:
        folder.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o666)
    except OSError as error:
        raise InputError(
            f"nothing can be written in {str(folder)!r} ({error.strerror}: {error.filename}): choose another "
            "--trainer.default_root_dir"
        ) from error
    _held[folder] = _Lock(folder, descriptor)
    return True


def release(folder: Path) -> None:
    """Free a folder; one that this process does not have is left alone."""
    if (lock := _held.pop(folder.resolve(), None)) is not None:
        lock.release()


@contextmanager
def releasing() -> Iterator[None]:
    """Folders that are taken inside are free again afterwards."""
    before = set(_held)
    try:
        yield
    finally:
        for folder in set(_held) - before:
            release(folder)


class _Lock:
    """A POSIX lock on a file that says who has it.

    Not ``flock``: what a run forks, such as workers that load data, would keep that one after the run's death.
    """

    def __init__(self, folder: Path, descriptor: int) -> None:
        self.folder, self.descriptor, self.pid = folder, descriptor, os.getpid()
        try:
            self._take()
        except BaseException:
            os.close(descriptor)
            raise
        self.over = threading.Event()
        self.beats = threading.Thread(target=self._beat, daemon=True)
        self.beats.start()

    def _take(self) -> None:
        reliable = self._locked()
        other, own = self._owner(), {"host": socket.gethostname(), "pid": self.pid, "start": _started(self.pid)}
        if other and not (reliable and other["host"] == own["host"]) and self._alive(other):
            raise InputError(_refusal(self.folder, other) + f", or delete {self.folder / LOCK} if it is not running")
        since = time.strftime("%Y-%m-%d %H:%M:%S")
        self._write(json.dumps({**own, "since": since}))
        if not reliable:
            time.sleep(1)  # two that begin together: the later one has written over the other
            if (other := self._owner()) and {**other, "since": ""} != {**own, "since": ""}:
                raise InputError(_refusal(self.folder, other))

    def _locked(self) -> bool:
        """Whether the kernel has given it to us; not where the file system has no locks."""
        deadline = time.monotonic() + PATIENCE
        while True:
            try:
                fcntl.lockf(self.descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return True
            except OSError as error:
                if error.errno in NO_LOCKS:
                    return False
                other = self._owner()
                if other.get("pid") == os.getppid() and other["host"] == socket.gethostname():
                    return True  # of the process that has spawned this one for a rank
                if time.monotonic() > deadline:
                    raise InputError(_refusal(self.folder, other)) from None
            time.sleep(0.05)

    def _owner(self) -> dict[str, Any]:
        """Who has written last; nobody where the file is empty, as a run that ended by itself leaves it."""
        try:
            other = json.loads(os.pread(self.descriptor, 4096, 0))
            return other if {"host", "pid", "since", "start"} <= set(other) else {}
        except (ValueError, TypeError):
            return {}

    def _alive(self, other: dict[str, Any]) -> bool:
        """By the process table on this host; by signs of life on another one, which may have been killed."""
        if other["host"] == socket.gethostname():
            return bool(other["start"]) and _started(other["pid"]) == other["start"]
        file, beat = self.folder / LOCK, os.fstat(self.descriptor).st_mtime
        if time.time() - beat > LONG_AGO:
            return False
        print(f"{self.folder} was last used on {other['host']}: waiting up to {SILENCE:.0f} s for a sign of life")
        deadline = time.monotonic() + SILENCE
        while time.monotonic() < deadline:
            time.sleep(0.2)
            if file.stat().st_mtime != beat:
                return True
        return False

    def _write(self, text: str) -> None:
        os.ftruncate(self.descriptor, 0)
        os.pwrite(self.descriptor, text.encode(), 0)

    def _beat(self) -> None:
        while not self.over.wait(BEAT):
            os.utime(self.descriptor)

    def release(self) -> None:
        self.over.set()
        self.beats.join()
        if self.pid == os.getpid():
            self._write("")
        os.close(self.descriptor)


def _refusal(folder: Path, other: dict[str, Any]) -> str:
    who = "another process"
    if other:
        who = f"process {other['pid']} on {other['host']} since {other['since']}"
    return f"{str(folder)!r} is in use by {who}: wait until it has ended, or choose another --trainer.default_root_dir"


def _started(pid: int) -> str:
    """When a process of this host began, in ticks since the boot; empty where there is none, or no /proc."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]
    except (OSError, IndexError):
        return ""
