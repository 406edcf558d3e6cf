"""Seeing what a file makes a process do: programs started, modules imported, files opened, written or removed."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

STARTS = ("os.system", "os.exec", "os.posix_spawn", "subprocess.Popen", "socket.connect")
REMOVES = ("os.remove", "os.rmdir", "os.rename", "shutil.rmtree", "os.truncate", "os.link", "os.symlink")
STRANGE = ("evilmod", "antigravity", "this")


class Watch:
    """An audit hook, which stays for good: Python has no way to take one back."""

    def __init__(self) -> None:
        self.seen: list[str] | None = None
        self.allowed: tuple[str, ...] = ()
        sys.addaudithook(self.hear)

    def hear(self, event: str, arguments: tuple[Any, ...]) -> None:
        if self.seen is None:
            return
        first = str(arguments[0]) if arguments else ""
        imported = event == "import" and first.split(".")[0] in STRANGE
        opened = (
            event in ("open", "ctypes.dlopen") and "evil" in Path(first).name and not first.startswith(self.allowed)
        )
        below = event in REMOVES[:2] and arguments[1] != -1  # of a folder that shutil.rmtree has named before
        unnamed = below or isinstance(arguments[0] if arguments else 0, int)  # or of a file that has been opened before
        removed = event in REMOVES and not unnamed and not first.startswith(self.allowed)
        if event in STARTS or imported or opened or removed:
            self.seen.append(f"{event} {first}")


WATCH = Watch()


@contextmanager
def watched(*allowed: Path | str) -> Iterator[list[str]]:
    """What is done meanwhile, but for files below the given paths."""
    WATCH.seen, WATCH.allowed = [], tuple(map(str, allowed))
    try:
        yield WATCH.seen
    finally:
        WATCH.seen = None
