"""A split whose images lie in files."""

import hashlib
import os
import time
from collections.abc import Sequence
from functools import cached_property, partial
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from datamodules.base import Batch, number_of
from datamodules.images.decoded import Decoded
from datamodules.images.image_files import content, stamp
from datamodules.images.picture import peek
from datamodules.images.pixels import read_image
from datamodules.images.reading import Reading
from networks.errors import InputError


class FileSplit(Dataset):
    """Images read from their files when they are asked for, or once for many epochs (``decode``).

    Once ``contents`` has been asked for, an image that is replaced meanwhile is refused.

    Args:
        files, y: of every image its file and its label, N.
        shape: C×H×W, to which they are read.
        reading: how.
        attributes: N×A float32; ``None`` for images without.
    """

    def __init__(
        self,
        files: list[Path],
        y: Tensor,
        shape: tuple[int, ...],
        reading: Reading,
        attributes: Tensor | None = None,
    ) -> None:
        self.files, self.y, self.shape, self.reading, self.attributes = files, y, shape, reading, attributes
        self.known: Tensor | None = None  # contents by position, 0 where they have not been asked for
        self.bytes: Tensor | None = None  # of all images, N×C×H×W uint8, once they are decoded

    def __len__(self) -> int:
        return len(self.files)

    def __getitems__(self, positions: Sequence[int]) -> Batch:
        index = torch.as_tensor(positions)
        if self.bytes is None:
            x = torch.stack([self._image(p) for p in index.tolist()])
        else:
            x = self.bytes[index].float() / 255
        batch = Batch(x=x, y=self.y[index], index=index)
        if self.attributes is not None:
            batch["attributes"] = self.attributes[index]
        return batch

    def decode(self, shown: bool = True) -> list[str]:
        """Keep all images as bytes in the user's cache from now on; ``shown`` says how far it is.

        Returns:
            what is wrong with those that cannot be read.
        """
        problems = self._decoded.make(shown)
        self.bytes = self._decoded.find()
        return problems

    @property
    def decodes(self) -> bool:
        """Whether ``decode`` keeps every grey value: those of deeper images are more than bytes have."""
        return self.reading.levels == 256

    @cached_property
    def _decoded(self) -> Decoded:
        return Decoded(self.files, (1, *self.shape), partial(_bytes, self.shape, self.reading), repr(self.reading))

    def _image(self, position: int) -> Tensor:
        file = self.files[position]
        if self.known is None or not self.known[position]:
            return read_image(file, self.shape, None, self.reading)
        data = content(file)
        if self._number(position, data) != self.known[position]:
            raise InputError(f"{file} has been replaced since this run began: run the same command again")
        return read_image(file, self.shape, data, self.reading)

    def fingerprint(self) -> str:
        """Of the files' names, sizes and times of change: to read thousands of images takes minutes."""
        labels = [t.numpy().tobytes() for t in (self.y, self.attributes) if t is not None]
        digest = hashlib.sha256(repr((self.shape, self.reading)).encode() + b"".join(labels))
        for file in self.files:
            digest.update(os.fsencode(file) + stamp(file))
        return digest.hexdigest()[:16]

    def contents(self, positions: Sequence[int]) -> Tensor:
        """Of the files' bytes, which are read one after the other."""
        numbers = [self._number(p, content(self.files[p])) for p in positions]
        found = torch.tensor(numbers, dtype=torch.int64)
        self.known = torch.zeros(len(self), dtype=torch.int64) if self.known is None else self.known
        self.known[torch.as_tensor(positions)] = found
        return found

    def _number(self, position: int, data: bytes) -> int:
        return number_of(data, self.y[position].numpy().tobytes())

    def unreadable(self, positions: Sequence[int], deadline: float) -> list[str]:
        """What is wrong with images that cannot be read, a sentence each.

        Args:
            deadline: on ``time.monotonic``; until then whole images are read, and after it no more than their headers.
        """
        problems = []
        for position in positions:
            try:
                if time.monotonic() < deadline:
                    self._image(position)
                else:
                    peek(self.files[position])
            except InputError as error:
                problems.append(str(error))
        return problems


def _bytes(shape: tuple[int, ...], reading: Reading, file: Path) -> np.ndarray:
    """1×C×H×W uint8."""
    return (read_image(file, shape, None, reading) * 255).round().to(torch.uint8).numpy()[None]
