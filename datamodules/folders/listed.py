"""Images whose labels lie in a file: what is checked before anything is trained."""

from pathlib import Path

import torch
from torch import Tensor

from datamodules.base import Split, SplitName
from datamodules.images.file_split import FileSplit
from datamodules.images.reading import Reading
from networks.errors import InputError


def required(path: Path, source: str) -> Path:
    """The path itself.

    Args:
        source: where to get the data set and where to put it, for the message.

    Raises:
        InputError: nothing is there.
    """
    if not path.exists():
        raise InputError(f"no {str(path)!r}: {source}")
    return path


def listed_splits(
    labels: dict[SplitName, dict[str, int]],
    folder: Path,
    shape: tuple[int, ...],
    class_names: list[str],
    source: str,
    attributes: dict[str, list[int]] | None = None,
) -> dict[SplitName, Split]:
    """Splits of images that are read when they are asked for, all of which are there.

    Args:
        labels: class index of every image, by its path below ``folder``.
        shape: C×H×W of one sample.
        class_names: of the class indices.
        source: as in ``required``.
        attributes: what else is known of every image, by its path; ``None`` for nothing.

    Raises:
        InputError: images that are missing, or a split without one of the classes.
    """
    files = {name: [folder / image for image in images] for name, images in labels.items()}
    _check_files([file for part in files.values() for file in part], source)
    splits: dict[SplitName, Split] = {}
    for name, images in labels.items():
        y = torch.tensor(list(images.values()), dtype=torch.int64)
        _check_classes(name, y, class_names)
        known = None if attributes is None else torch.tensor([attributes[image] for image in images]).float()
        splits[name] = FileSplit(files[name], y, shape, Reading(levels=256), known)
    return splits


def _check_files(files: list[Path], source: str) -> None:
    """Each folder is listed once: to ask for 200,000 files of one folder takes minutes on a network's disk."""
    present = {folder: _names(folder) for folder in {file.parent for file in files}}
    missing = [file for file in files if file.name not in present[file.parent]]
    if missing:
        raise InputError(
            f"missing: {len(missing)} of the {len(files)} listed images, first {str(missing[0])!r}: {source}"
        )


def _names(folder: Path) -> set[str]:
    return {entry.name for entry in folder.iterdir()} if folder.is_dir() else set()


def _check_classes(split: SplitName, y: Tensor, class_names: list[str]) -> None:
    counts = torch.bincount(y, minlength=len(class_names)).tolist()
    absent = [name for name, count in zip(class_names, counts, strict=True) if not count]
    if absent:
        raise InputError(
            f"none of the {len(y)} images of the {split} split is {' or '.join(map(repr, absent))}: every split needs "
            "every class; choose another label, or other fractions where the split is drawn"
        )
