"""CelebA-HQ in the layout of CelebAMask-HQ."""

from pathlib import Path
from typing import Any

from datamodules.base import LARGEST_SIZE, SPLITS, DataModule, Split, SplitName, seeded_split
from datamodules.folders.attributes import PAPERS, read_attributes
from datamodules.folders.listed import listed_splits, required
from networks.checks import seeds, whole
from networks.errors import InputError

SOURCE = (
    "pass --data.root with the unpacked CelebAMask-HQ, which holds CelebA-HQ-img/*.jpg and "
    "CelebAMask-HQ-attribute-anno.txt, from https://github.com/switchablenorms/CelebAMask-HQ"
)


class CelebAHQ(DataModule):
    """30,000 faces of 1024×1024 in colour, with or without one of 40 attributes; split by seed.

    Images are resized to ``size``; the masks are not read. The split is drawn by image: the files do
    not say who is on them, so a person may be in several splits. See ``DataModule`` for the common
    arguments.

    Args:
        root: folder that holds ``CelebA-HQ-img/*.jpg`` and ``CelebAMask-HQ-attribute-anno.txt``.
        attribute: class 1 are the images that have it, class 0 those that have not.
        attributes: as of ``CelebA``.
        size: height and width in pixels.
        fractions: shares of train, val and test.
        seed: of that split.

    Raises:
        InputError: files that are missing or malformed, an unknown attribute, fractions that do not
            add up to one, or a split without one of the classes.
    """

    levels = 256

    def __init__(
        self,
        root: str = "data/CelebAMask-HQ",
        attribute: str = "Blond_Hair",
        attributes: list[str] | None = None,
        size: int = 64,
        fractions: tuple[float, float, float] = (0.8, 0.1, 0.1),
        seed: int = 0,
        **common: Any,
    ) -> None:
        super().__init__(**common)
        self.shape, self.num_classes, self.class_names = (3, size, size), 2, [f"not {attribute}", attribute]
        InputError.collect(whole(1, LARGEST_SIZE, size=size) + seeds(seed=seed))
        self.root, self.attribute, self.fractions, self.seed = Path(root), attribute, fractions, seed
        self.attribute_names = PAPERS if attributes is None else attributes

    def load(self) -> dict[SplitName, Split]:
        images = required(self.root / "CelebA-HQ-img", SOURCE)
        file = required(self.root / "CelebAMask-HQ-attribute-anno.txt", SOURCE)
        has = read_attributes(file, [self.attribute, *self.attribute_names])
        names = list(has)
        drawn = seeded_split(len(names), dict(zip(SPLITS, self.fractions, strict=True)), self.seed)
        labels = {split: {names[p]: has[names[p]][0] for p in chosen.tolist()} for split, chosen in drawn.items()}
        known = {image: others for image, (_, *others) in has.items()} if self.attribute_names else None
        return listed_splits(labels, images, self.shape, self.class_names, SOURCE, known)
