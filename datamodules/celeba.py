"""CelebA in torchvision's layout."""

from pathlib import Path
from typing import Any

from datamodules.base import LARGEST_SIZE, DataModule, Split, SplitName
from datamodules.folders.attributes import PAPERS, read_attributes
from datamodules.folders.listed import listed_splits, required
from networks.checks import whole
from networks.errors import InputError

SOURCE = (
    "pass --data.root with the folder that holds celeba/, in it img_align_celeba/*.jpg, list_attr_celeba.txt and "
    "list_eval_partition.txt (or .csv) from https://mmlab.ie.cuhk.edu.hk/projects/CelebA.html"
)
#: how list_eval_partition.txt names the splits
PARTITION: dict[str, SplitName] = {"0": "train", "1": "val", "2": "test"}


class CelebA(DataModule):
    """202,599 faces in colour, with or without one of 40 attributes; the official partition.

    Images of 178×218 are resized (the shorter side) and centre-cropped to ``size``. The two text
    files are read without torchvision's checksums: a part of the data set will do where both list
    that part. See ``DataModule`` for the common arguments.

    Args:
        root: folder that holds ``celeba/{img_align_celeba/*.jpg, list_attr_celeba.txt, list_eval_partition.txt}``; or
            Kaggle's, with the same names but for ``.csv``, without ``celeba`` and with ``img_align_celeba`` twice.
        attribute: class 1 are the images that have it, class 0 those that have not.
        attributes: what else is known of every image, by names of the 40; ``None`` for the thirteen of AttGAN (He et
            al. 2019), ``[]`` for nothing.
        size: height and width in pixels.

    Raises:
        InputError: files that are missing, malformed or name different images, an unknown attribute,
            or a split without one of the classes.
    """

    levels = 256

    def __init__(
        self,
        root: str = "data",
        attribute: str = "Blond_Hair",
        attributes: list[str] | None = None,
        size: int = 64,
        batch_size: int = 128,
        **common: Any,
    ) -> None:
        super().__init__(batch_size=batch_size, **common)
        self.shape, self.num_classes, self.class_names = (3, size, size), 2, [f"not {attribute}", attribute]
        InputError.collect(whole(1, LARGEST_SIZE, size=size))
        self.root, self.attribute = Path(root), attribute
        self.attribute_names = PAPERS if attributes is None else attributes

    def load(self) -> dict[SplitName, Split]:
        kaggle = (self.root / "list_attr_celeba.csv").is_file()
        folder, ending = (self.root, "csv") if kaggle else (self.root / "celeba", "txt")
        names = ("img_align_celeba", f"list_attr_celeba.{ending}", f"list_eval_partition.{ending}")
        images, attributes, partition = (required(folder / name, SOURCE) for name in names)
        images = inner if (inner := images / images.name).is_dir() else images
        has, part = read_attributes(attributes, [self.attribute, *self.attribute_names]), _read_partition(partition)
        if differing := sorted(has.keys() ^ part.keys()):
            raise InputError(
                f"{attributes} and {partition} differ in {len(differing)} of their images, first {differing[0]!r}: "
                "fetch both files again"
            )
        labels = {
            split: {image: first for image, (first, *_) in has.items() if part[image] == split}
            for split in PARTITION.values()
        }
        known = {image: others for image, (_, *others) in has.items()} if self.attribute_names else None
        return listed_splits(labels, images, self.shape, self.class_names, SOURCE, known)


def _read_partition(file: Path) -> dict[str, SplitName]:
    """The split of every image, by name."""
    splits: dict[str, SplitName] = {}
    rows = file.read_text(encoding="utf-8-sig", errors="replace").replace(",", " ").splitlines()
    for number, row in enumerate(rows, 1):
        if not (words := row.split()) or (number == 1 and words == ["image_id", "partition"]):
            continue
        if len(words) != 2 or words[1] not in PARTITION:
            raise InputError(
                f"{file}, line {number}: expected an image's name and 0 (train), 1 (val) or 2 (test); "
                f"got {row[:80]!r}: fetch the file again"
            )
        splits[words[0]] = PARTITION[words[1]]
    return splits
