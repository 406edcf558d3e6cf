"""What lies in a folder, without what systems and programs leave there."""

import os
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from datamodules.folders.inspection import EXTENSIONS
from networks.errors import InputError

#: beside everything whose name begins with a dot
LITTER = {
    "__macosx",
    "@eadir",
    "#recycle",
    "$recycle.bin",
    "lost+found",
    "system volume information",
    "__pycache__",
    "thumbs.db",
    "desktop.ini",
}


@cache
def entries(folder: Path) -> tuple[list[Path], list[Path]]:
    """Folders and files in a folder, each sorted by name; links count as what they point to.

    It is asked of the same folders many times, and remembers them; ``entries.cache_clear()`` forgets.

    Raises:
        InputError: the folder cannot be listed, or a link in it, which may have been a folder, points to nothing.
    """
    folders: list[Path] = []
    files: list[Path] = []
    try:
        for entry in os.scandir(folder):
            path = folder / entry.name
            if _is_litter(entry.name):
                continue
            if entry.is_symlink() and not is_image(path) and not path.exists():
                raise InputError(f"{str(path)!r} is a link to something that is not there: mend or remove it")
            is_dir = path.is_dir() if entry.is_symlink() else entry.is_dir()  # the latter without asking the disk
            (folders if is_dir else files).append(path)
    except OSError as error:
        raise InputError(f"folder {str(folder)!r} cannot be listed ({error.strerror})") from error
    return sorted(folders), sorted(files)


def walk(folder: Path, inside: tuple[str, ...] = ()) -> Iterator[Path]:
    """All files below, links followed, but not into a folder that they lie in; in the order of their names."""
    place = os.path.realpath(folder)
    if place in inside:
        return
    folders, files = entries(folder)
    yield from files
    for each in folders:
        yield from walk(each, (*inside, place))


def is_image(file: Path) -> bool:
    """By its name."""
    return file.suffix.lower() in EXTENSIONS


def count_images(folder: Path) -> int:
    """In it and below."""
    return sum(map(is_image, walk(folder)))


def _is_litter(name: str) -> bool:
    return name.startswith(".") or name.lower() in LITTER
