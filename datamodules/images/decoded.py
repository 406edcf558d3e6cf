"""Images that are decoded once instead of in every epoch: a file of their bytes in the user's cache."""

import hashlib
import os
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
import PIL
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from counterfactuals.progress import Progress
from datamodules.images.image_files import stamp
from networks.errors import InputError
from networks.files import cache_folder, one_at_a_time, write_atomically

FEW = 64  # files that have been read before other processes would have started
PART = 16  # files that a process hands over at once
ROOM = 0.5  # share of the disk's free space that an array may take
WORTH_SAYING = 10e6  # bytes
FORGOTTEN = 30 * 86400  # seconds after which an array that no run has opened is deleted

Read = Callable[[Path], np.ndarray]


class Decoded:
    """The images of some files as one array of bytes, mapped into memory: what is not looked at takes none.

    The array lies in the user's cache, never beside the user's images. Its name depends on the files' paths, sizes and
    times of change, so files that have changed are decoded again.

    Args:
        files: in the order of the images.
        shape: of what each of them gives, n×C×H×W uint8.
        read: one of them; it raises ``InputError`` for one that cannot be read.
        settings: what the bytes depend on besides.

    Raises:
        InputError: a file that is not there.
    """

    def __init__(self, files: Sequence[Path], shape: tuple[int, ...], read: Read, settings: str = "") -> None:
        self.files, self.read = files, read
        self.shape = (len(files) * shape[0], *shape[1:])
        self.digest = _digest(files, f"{settings} {shape} Pillow {PIL.__version__}")
        self.file = cache_folder() / "images" / f"{self.digest}.npy"

    def find(self) -> Tensor | None:
        """N×C×H×W uint8 in the order of the files; ``None`` where nobody has decoded them."""
        try:
            array = np.lib.format.open_memmap(self.file, mode="c")  # torch warns of arrays that must not be written to
            os.utime(self.file)
        except (OSError, ValueError):
            return None
        return torch.from_numpy(array) if (array.shape, array.dtype) == (self.shape, np.uint8) else None

    def make(self, shown: bool = True) -> list[str]:
        """Decode them, in as many processes as there are cores; a second run that wants the same waits.

        Returns:
            what is wrong with files that cannot be read, a sentence each; then nothing is kept. Where the disk has no
            room nothing is kept either, which is said.
        """
        try:
            self.file.parent.mkdir(parents=True, exist_ok=True)
            with one_at_a_time(self.file):
                if self.find() is None:
                    _forget(self.file.parent)
                    self._check_room()
                    write_atomically(self.file, lambda file: self._write(file, shown))
                    if shown and prod(self.shape) > WORTH_SAYING:
                        print(f"  decoded once for all epochs: {_megabytes(prod(self.shape))} in {self.file.parent}")
        except _UnreadableError as error:
            return error.args[0]
        except OSError as error:  # a full or read-only home must not end a run
            print(f"  BEWARE: images are decoded again whenever they are needed: {error}")
        return []

    def _check_room(self) -> None:
        need, free = prod(self.shape), shutil.disk_usage(self.file.parent).free
        if need > ROOM * free:
            raise OSError(f"{_megabytes(need)} are too much for {self.file.parent}, which has {_megabytes(free)} left")

    def _write(self, file: Path, shown: bool) -> None:
        problems: list[str] = []
        with file.open("wb") as stream, Progress("decoding images", len(self.files), shown) as progress:
            # Not through a map: where the disk is full, that kills the process instead of raising an error.
            np.lib.format.write_array_header_1_0(stream, {"descr": "|u1", "fortran_order": False, "shape": self.shape})
            for images in self.each():
                if isinstance(images, str):
                    problems.append(images)
                elif not problems:
                    stream.write(np.ascontiguousarray(images).data)
                progress.advance()
        if problems:
            raise _UnreadableError(problems)

    def each(self) -> Iterator[np.ndarray | str]:
        """Of every file its images, or why it cannot be read."""
        workers = 0 if len(self.files) <= FEW else _cores()
        loader: Any = DataLoader(_Parts(self.files, self.read), batch_size=None, num_workers=workers)
        for part in loader:
            yield from part


class _UnreadableError(Exception):
    """Of sentences, a file each."""


class _Parts(Dataset):
    """Some files at once: to hand over one after the other takes longer than to read a small one.

    As numpy arrays, which travel through a pipe: tensors go through shared memory, of which containers have little.
    """

    def __init__(self, files: Sequence[Path], read: Read) -> None:
        self.parts, self.read = [files[i : i + PART] for i in range(0, len(files), PART)], read

    def __len__(self) -> int:
        return len(self.parts)

    def __getitem__(self, number: int) -> list[np.ndarray | str]:
        return [self._images(file) for file in self.parts[number]]

    def _images(self, file: Path) -> np.ndarray | str:
        try:
            return self.read(file)
        except InputError as error:
            return str(error)


def _digest(files: Sequence[Path], settings: str) -> str:
    digest = hashlib.sha256(settings.encode())
    for file in files:
        digest.update(os.fsencode(file.absolute()) + stamp(file))
    return digest.hexdigest()[:24]


def _forget(folder: Path) -> None:
    for file in folder.glob("*.npy*"):
        if time.time() - file.stat().st_mtime > FORGOTTEN:
            file.unlink(missing_ok=True)


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _megabytes(size: float) -> str:
    return f"{size / 1e6:,.0f} MB"
