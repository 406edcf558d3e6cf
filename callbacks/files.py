"""Files that appear whole or not at all."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any


def write_whole(file: Path, write: Callable[[Path], Any]) -> None:
    """Write beside the file and rename, so that a killed process or a full disk leaves no torn file."""
    beside = file.with_name(f".{file.name}.{os.getpid()}.partial")
    try:
        write(beside)
        beside.replace(file)
    finally:
        beside.unlink(missing_ok=True)
