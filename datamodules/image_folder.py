"""A user's own images: one folder a class."""

import hashlib
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import Dataset

from datamodules.base import LARGEST_SIZE, Batch, DataModule, Split, SplitName, number_of, seeded_split
from datamodules.image_files import content
from datamodules.pixels import EXTENSIONS, look_at, read_image
from networks.checks import seeds, whole
from networks.errors import InputError, printable

SPLITS: tuple[SplitName, ...] = ("train", "val", "test")


class ImageFolder(DataModule):
    """``root/{train,val,test}/class/*.png|jpg``, or ``root/class/*.png|jpg`` split by seed.

    Classes are the folders' names in alphabetical order, and images lie in a fixed order that mixes
    them. Images are resized (the shorter side) and centre-cropped to ``size``. See ``DataModule`` for
    the common arguments.

    Args:
        root: the folder.
        size: height and width in pixels; ``None`` for the images' own shorter side (the median of some of
            them, down to a multiple of four), 64 at most: what a chart can be trained on without a GPU.
        grey: one channel instead of three; ``None`` for one where the images (some of them) have no colour.
        fractions: shares of train, val and test where the folder has no such split.
        seed: of that split.

    Raises:
        InputError: no such folder, no images, fewer than two classes, classes that differ
            between splits, or a file that is no image (with its path).
    """

    levels = 256

    def __init__(
        self,
        root: str,
        size: int | None = None,
        grey: bool | None = None,
        fractions: tuple[float, float, float] = (0.8, 0.1, 0.1),
        seed: int = 0,
        **common: Any,
    ) -> None:
        super().__init__(**common)
        if not root.strip():
            raise InputError(f"root is empty, got {root!r}: pass --data.root with a folder of class folders")
        InputError.collect(([] if size is None else whole(1, LARGEST_SIZE, size=size)) + seeds(seed=seed))
        self.root, self.fractions, self.seed = Path(root), fractions, seed
        train = self._trees()["train"]
        self.folders = _class_folders(train)
        self.class_names = [readable(name) for name in self.folders]
        if size is None or grey is None:
            found_size, found_grey = look_at(_files(train, self.folders)[0])
            size, grey = size or found_size, found_grey if grey is None else grey
        self.shape = (1 if grey else 3, size, size)
        self.num_classes = len(self.class_names)

    def _trees(self) -> dict[SplitName, Path]:
        """Folder of classes for each split; the same one three times where there is no split."""
        if not self.root.is_dir():
            raise InputError(f"no folder {str(self.root)!r}: pass --data.root with a folder of class folders")
        trees = {name: self.root / name for name in SPLITS}
        present = [name for name, tree in trees.items() if tree.is_dir()]
        if not present:
            return dict.fromkeys(SPLITS, self.root)
        if len(present) < len(SPLITS):
            missing = [name for name in SPLITS if name not in present]
            raise InputError(
                f"{str(self.root)!r} has {present} but no {missing}: give all three of train, val and test, or none "
                "of them (one tree of class folders is then split by seed)"
            )
        return trees

    def load(self) -> dict[SplitName, Split]:
        trees = self._trees()
        if trees["train"] == self.root:
            return self._split_by_seed()
        splits: dict[SplitName, Split] = {}
        for name, tree in trees.items():
            if (names := _class_folders(tree)) != self.folders:
                raise InputError(
                    f"{str(tree)!r} holds the classes {names}, train holds {self.folders}: they must be the same"
                )
            splits[name] = _mixed(*_files(tree, names), self.shape)
        return splits

    def _split_by_seed(self) -> dict[SplitName, Split]:
        files, y = _files(self.root, self.folders)
        shares = dict(zip(SPLITS, self.fractions, strict=True))
        splits: dict[SplitName, Split] = {}
        for name, positions in seeded_split(len(files), shares, self.seed).items():
            if not len(positions):
                raise InputError(
                    f"{len(files)} images in {str(self.root)!r} leave none for {name} at fractions {self.fractions}"
                )
            splits[name] = _mixed([files[p] for p in positions.tolist()], y[positions], self.shape)
        return splits


class FileSplit(Dataset):
    """Images read from their files when they are asked for.

    Once ``contents`` has been asked for, an image that is replaced meanwhile is refused.
    """

    def __init__(self, files: list[Path], y: Tensor, shape: tuple[int, ...]) -> None:
        self.files, self.y, self.shape = files, y, shape
        self.known: Tensor | None = None  # contents by position, 0 where they have not been asked for

    def __len__(self) -> int:
        return len(self.files)

    def __getitems__(self, positions: Sequence[int]) -> Batch:
        index = torch.as_tensor(positions)
        x = torch.stack([self._image(p) for p in index.tolist()])
        return Batch(x=x, y=self.y[index], index=index)

    def _image(self, position: int) -> Tensor:
        file = self.files[position]
        if self.known is None or not self.known[position]:
            return read_image(file, self.shape)
        data = content(file)
        if self._number(position, data) != self.known[position]:
            raise InputError(f"{file} has been replaced since this run began: run the same command again")
        return read_image(file, self.shape, data)

    def fingerprint(self) -> str:
        """Of the files' names, sizes and times of change: to read thousands of images takes minutes."""
        digest = hashlib.sha256(repr(self.shape).encode() + self.y.numpy().tobytes())
        for file in self.files:
            stat = _stat(file)
            digest.update(os.fsencode(file) + f" {stat.st_size} {stat.st_mtime_ns}\n".encode())
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


def _stat(file: Path) -> os.stat_result:
    try:
        return file.stat()
    except OSError as error:
        raise InputError(f"{file} cannot be read as an image: remove or replace it ({error.strerror})") from error


def _mixed(files: list[Path], y: Tensor, shape: tuple[int, ...]) -> FileSplit:
    """In an order that mixes the classes: the first so many images are a sample of them all."""
    order = torch.randperm(len(files), generator=torch.Generator().manual_seed(0))
    return FileSplit([files[p] for p in order.tolist()], y[order], shape)


def readable(name: str) -> str:
    """A file's name for people: bytes that are no UTF-8, line feeds and the like as ``\\xe9`` and ``\\n``."""
    return printable(os.fsencode(name).decode("utf-8", "backslashreplace"))


def _class_folders(tree: Path) -> list[str]:
    names = sorted(d.name for d in tree.iterdir() if d.is_dir() and not d.name.startswith("."))
    if not names:
        what = "holds files, and no folders" if any(tree.iterdir()) else "is empty"
        raise InputError(f"{str(tree)!r} {what}: it must hold one folder of images for each class")
    if len(names) == 1:
        raise InputError(
            f"{str(tree)!r} holds one class only ({names[0]!r}): a classifier needs at least two class folders"
        )
    return names


def _files(tree: Path, names: list[str]) -> tuple[list[Path], Tensor]:
    """All image files of a tree, sorted, with their class indices."""
    files: list[Path] = []
    labels: list[int] = []
    for label, name in enumerate(names):
        found = sorted(f for f in (tree / name).rglob("*") if f.suffix.lower() in EXTENSIONS)
        if not found:
            raise InputError(f"class folder {str(tree / name)!r} holds no image ({', '.join(sorted(EXTENSIONS))})")
        files += found
        labels += [label] * len(found)
    return files, torch.tensor(labels)
