"""Files with the same bytes."""

import hashlib
from collections.abc import Callable, Hashable
from pathlib import Path

from datamodules.images.image_files import content
from networks.errors import InputError

BEGINNING = 4096  # bytes by which most files of the same size are told apart


def same_bytes(files: list[Path]) -> list[list[int]]:
    """Positions of the files that are copies of each other, two or more in a list.

    Only files of the same size are opened, and only those with the same beginning are read.

    Raises:
        InputError: a file cannot be read.
    """
    alike = [list(range(len(files)))]
    keys: list[Callable[[Path], Hashable]] = [_size, _beginning, _hash]
    for key in keys:
        alike = [part for group in alike for part in _parts(files, group, key) if len(part) > 1]
    return alike


def _parts(files: list[Path], group: list[int], key: Callable[[Path], Hashable]) -> list[list[int]]:
    parts: dict[Hashable, list[int]] = {}
    for position in group:
        parts.setdefault(key(files[position]), []).append(position)
    return list(parts.values())


def _size(file: Path) -> int:
    try:
        return file.stat().st_size
    except OSError as error:
        raise InputError(f"{file} cannot be read as an image: remove or replace it ({error.strerror})") from error


def _beginning(file: Path) -> bytes:
    if not file.is_file():  # a pipe would be waited for
        return content(file)
    with file.open("rb") as opened:
        return opened.read(BEGINNING)


def _hash(file: Path) -> bytes:
    return hashlib.blake2b(content(file), digest_size=16).digest()
