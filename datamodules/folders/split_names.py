"""Which split a folder's name says it is."""

import re

from datamodules.base import SplitName

SPELLINGS: dict[str, SplitName] = {
    **dict.fromkeys(("train", "training", "trn"), "train"),
    **dict.fromkeys(("val", "valid", "validation", "validate", "dev", "development", "eval", "evaluation"), "val"),
    **dict.fromkeys(("test", "testing", "tst", "holdout"), "test"),
}
FILLERS = ("dataset", "sets", "set", "data", "split", "folder", "images", "image", "imgs", "img", "files", "samples")


def split_of(name: str) -> tuple[SplitName, str] | None:
    """The split, and what else the name says; ``None`` where it names none, or two.

    >>> split_of("Training"), split_of("valid"), split_of("test_set"), split_of("ASL-alphabet-train"), split_of("cat")
    (('train', ''), ('val', ''), ('test', ''), ('train', 'asl alphabet'), None)
    """
    words = re.findall(r"[^\W\d_]+", re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name).lower())
    words = [_without_filler(word) for word in words if word not in FILLERS]
    splits = {SPELLINGS[word] for word in words if word in SPELLINGS}
    if len(splits) != 1:
        return None
    return splits.pop(), " ".join(word for word in words if word not in SPELLINGS)


def _without_filler(word: str) -> str:
    """``trainset`` is ``train``, but ``offset`` stays what it is."""
    stems = (word.removesuffix(filler) for filler in FILLERS)
    return next((stem for stem in stems if stem in SPELLINGS), word)
