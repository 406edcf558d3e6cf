"""What every data module offers."""

import hashlib
import os
from collections.abc import Sequence
from typing import Any, Literal, NotRequired, Protocol, TypedDict, TypeVar

import numpy as np
import torch
from pytorch_lightning import LightningDataModule
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from datamodules.order import Order, Shuffled
from networks.attributes import is_binary
from networks.checks import positive, whole
from networks.errors import InputError

LARGEST_SIZE = 4096  # pixels a side that fit into memory
SHOWN = 12  # classes in a line for people
MOST_WORKERS = max(64, 4 * (os.cpu_count() or 1))
SplitName = Literal["train", "val", "test"]
SPLITS: tuple[SplitName, ...] = ("train", "val", "test")
L = TypeVar("L", bound=DataLoader)


class Batch(TypedDict):
    """One batch.

    Keys:
        x: float32; images B×C×H×W in [0, 1], or points B×D.
        y: class indices, B int64, or for a regression values, B float32.
        index: position in the split, B int64.
        map: for data sets whose values are counts, 1 where a counted object stands and 0 elsewhere, B×1×H×W float32.
        attributes: what else is known of the images (``DataModule.attribute_names``), B×A float32.
    """

    x: Tensor
    y: Tensor
    index: Tensor
    map: NotRequired[Tensor]
    attributes: NotRequired[Tensor]


class Split(Protocol):
    """A split: ``y`` is known without loading images, and whole batches are fetched at once.

    Attributes:
        y: labels, N.
        attributes: N×A float32, NaN where one is not known; ``None`` for data without.
    """

    y: Tensor
    attributes: Tensor | None

    def __len__(self) -> int: ...

    def __getitems__(self, positions: Sequence[int]) -> Batch: ...

    def fingerprint(self) -> str:
        """Hash by which a changed data set is noticed."""
        ...

    def contents(self, positions: Sequence[int]) -> Tensor:
        """A number for each of the samples that tells what is in it, its label included; n int64."""
        ...


class TensorSplit(Dataset):
    """A split that lies in memory.

    Args:
        x: float32 samples as batches hold them, or uint8 images that become x / 255.
        y: class indices, N int64, or values, N float32.
        map: where counted objects stand, N×1×H×W uint8 of 0 and 1; ``None`` for data without.
        origin: hash of where x comes from, where x is too large to be hashed itself.
        attributes: N×A float32; ``None`` for data without.
    """

    def __init__(
        self,
        x: Tensor,
        y: Tensor,
        map: Tensor | None = None,
        origin: str | None = None,
        attributes: Tensor | None = None,
    ) -> None:
        self.x, self.y, self.map, self.origin, self.attributes = x, y, map, origin, attributes

    def __len__(self) -> int:
        return len(self.x)

    def __getitems__(self, positions: Sequence[int]) -> Batch:
        index = torch.as_tensor(positions)
        x = self.x[index]
        batch = Batch(x=x.float() / 255 if x.dtype == torch.uint8 else x, y=self.y[index], index=index)
        if self.map is not None:
            batch["map"] = self.map[index].float()
        if self.attributes is not None:
            batch["attributes"] = self.attributes[index]
        return batch

    def fingerprint(self) -> str:
        x = self.x.numpy() if self.origin is None else self.origin.encode()
        return sha256(x, *(t.numpy() for t in (self.y, self.map, self.attributes) if t is not None))

    def contents(self, positions: Sequence[int]) -> Tensor:
        columns = [t for t in (self.x, self.y, self.map) if t is not None]
        rows = ([t[p].numpy().tobytes() for t in columns] for p in positions)
        return torch.tensor([number_of(*row) for row in rows], dtype=torch.int64)


class Selection(Dataset):
    """Some positions of a split; ``index`` stays the position in the whole split."""

    def __init__(self, split: Split, positions: Tensor) -> None:
        self.split, self.positions = split, positions
        self.y = split.y[positions]
        known = attributes_of(split)
        self.attributes = None if known is None else known[positions]

    def __len__(self) -> int:
        return len(self.positions)

    def __getitems__(self, positions: Sequence[int]) -> Batch:
        return self.split.__getitems__(self.positions[torch.as_tensor(positions)].tolist())

    def fingerprint(self) -> str:
        return sha256(self.split.fingerprint().encode(), self.positions.numpy())

    def contents(self, positions: Sequence[int]) -> Tensor:
        return self.split.contents(self.positions[torch.as_tensor(positions)].tolist())


class DataModule(LightningDataModule):
    """Splits that never overlap, and what a model must know of them.

    Subclasses set the attributes below and build their splits in ``load``.

    Attributes:
        shape: shape of one sample.
        task: "classification" (class indices) or "regression" (float targets).
        num_classes: number of classes.
        class_names: their names, in order.
        levels: grey values of the images (256 for 8 bits); ``None`` for continuous data.
        has_map: whether batches hold a ``map``.
        value_range: of a regression, the least and the largest value that there can be.
        attribute_names: of what is known of every image besides its label, A.
        order_seed: by which training samples are shuffled; ``None`` takes torch's.

    Args:
        batch_size: samples a batch and rank.
        num_workers: processes that load images; 0 loads in the training process.
        predict_split: the split that ``explain.py`` explains.
        predict_classes: explain only samples of these classes, by name or by number from 0; ``None`` takes all. Where
            all names are numbers themselves ("1", "10", "2"), names are meant.
        predict_values: of a regression, explain only samples with values from the first number to the second.
        predict_limit: explain only the first so many of them; ``None`` takes all.

    Raises:
        InputError: a number out of its range, such as no sample a batch.
    """

    shape: tuple[int, ...]
    task: Literal["classification", "regression"] = "classification"
    num_classes: int
    class_names: list[str]
    levels: int | None = None
    has_map: bool = False
    value_range: tuple[float, float] | None = None
    order_seed: int | None = None
    attribute_names: Sequence[str] = ()

    def __init__(
        self,
        batch_size: int = 64,
        num_workers: int = 0,
        predict_split: SplitName = "test",
        predict_classes: list[str | int] | None = None,
        predict_limit: int | None = None,
        predict_values: tuple[float, float] | None = None,
    ) -> None:
        super().__init__()
        InputError.collect(
            whole(1, batch_size=batch_size)
            + whole(0, MOST_WORKERS, num_workers=num_workers)
            + ([] if predict_limit is None else whole(1, predict_limit=predict_limit))
        )
        self.batch_size, self.num_workers = batch_size, num_workers
        self.predict_split: SplitName = predict_split
        self.predict_classes, self.predict_limit = predict_classes, predict_limit
        self.predict_values = predict_values
        self._splits: dict[SplitName, Split] = {}

    def load(self) -> dict[SplitName, Split]:
        """Read the data set and return its splits."""
        raise NotImplementedError

    def setup(self, stage: str | None = None) -> None:
        if not self._splits:
            self._splits = self.load()

    def split(self, name: SplitName) -> Split:
        """One of the splits, whole and in order."""
        self.setup()
        return self._splits[name]

    def described(self) -> list[str]:
        """What was understood of the data, a line each, five at most."""
        self.setup()
        y = torch.cat([self._splits[name].y for name in SPLITS if name in self._splits])
        shape = "×".join(map(str, self.shape))
        levels = f", {self.levels} grey values" if self.levels else ""
        splits = ", ".join(f"{name} {len(split):,}" for name, split in self._splits.items())
        return [f"{len(y):,} samples of {shape}{levels}", self._labels_in_words(y), f"splits: {splits}"]

    def attributes_in_words(self) -> str:
        """Every attribute with its share, or the range of its values, in the training images; "" without any."""
        known = attributes_of(self.split("train"))
        if known is None:
            return ""
        binary = is_binary(known)
        each = [
            f"{name} {column.mean():.0%}" if b else f"{name} {column.min():.3g} to {column.max():.3g}"
            for name, column, b in zip(self.attribute_names, known.T, binary.tolist(), strict=True)
        ]
        return f"{len(each)} attributes: {', '.join(each)}"

    def _labels_in_words(self, y: Tensor) -> str:
        if self.task == "regression":
            return f"values from {y.min():.4g} to {y.max():.4g}"
        numbers = y.bincount(minlength=self.num_classes).tolist()
        counts = [f"{name} {n:,}" for name, n in zip(self.class_names, numbers, strict=False)]
        shown = counts if len(counts) <= SHOWN else [*counts[: SHOWN - 1], "…", counts[-1]]
        return f"{self.num_classes:,} classes: {', '.join(shown)}"

    def predict_selection(self) -> Selection:
        """What ``explain.py`` explains, in order."""
        split = self.split(self.predict_split)
        positions = self._wanted(split.y).nonzero()[:, 0][: self.predict_limit]
        if not len(positions):
            asked = self.predict_classes if self.task == "classification" else self.predict_values
            raise InputError(f"nothing to explain: no sample of {self.predict_split} has a label in {asked}")
        return Selection(split, positions)

    def _wanted(self, y: Tensor) -> Tensor:
        """Which samples are to be explained, by their labels; N bool."""
        given = {"predict_classes": self.predict_classes, "predict_values": self.predict_values}
        foreign = "predict_values" if self.task == "classification" else "predict_classes"
        if given[foreign] is not None:
            own = next(name for name in given if name != foreign)
            raise InputError(f"{foreign} is not for {self.task}, which {type(self).__name__} is: use {own}")
        wanted = torch.ones(len(y), dtype=torch.bool)
        if self.predict_classes is not None:
            if not self.predict_classes:
                raise InputError("predict_classes must name at least one class; got []")
            wanted = torch.isin(y, torch.tensor(self._numbers(self.predict_classes)))
        if self.predict_values is not None:
            low, high = self.predict_values
            if not low <= high:
                raise InputError(f"predict_values must be the lower and the upper end; got {low} and {high}")
            wanted = (y >= low) & (y <= high)
        return wanted

    def _numbers(self, classes: Sequence[str | int]) -> list[int]:
        """Of classes that are named, or numbered."""
        by_name = {name: number for number, name in enumerate(self.class_names)}
        names = self.class_names[:SHOWN]
        if all(name.isdecimal() for name in by_name):
            known, shown = by_name, names
        else:
            known = {str(number): number for number in range(self.num_classes)} | by_name
            shown = [f"{number} ({name})" for number, name in enumerate(names)]
        if unknown := [c for c in classes if str(c) not in known]:
            more = " …" if self.num_classes > SHOWN else ""
            raise InputError(f"predict_classes names {unknown}; the classes are {', '.join(shown)}{more}")
        return [known[str(c)] for c in classes]

    def _loader(self, split: Split, kind: type[L]) -> L:
        ranks = self.trainer.world_size if self.trainer else 1
        if len(split) < ranks:
            n = len(split)
            raise InputError(f"{n} samples cannot be shared by {ranks} ranks: use at most {n} devices")
        a_rank = -(-len(split) // ranks)
        shuffle = issubclass(kind, Shuffled)
        return kind(
            split,  # type: ignore[arg-type]  # a map-style data set by __getitems__ alone
            batch_size=self.batch_size,
            sampler=self._order(split) if shuffle else None,
            drop_last=shuffle and a_rank > self.batch_size,  # a last batch of one breaks BatchNorm
            num_workers=self.num_workers,
            persistent_workers=self.num_workers > 0,
            collate_fn=_as_is,
        )

    def _order(self, split: Split) -> Order:
        ranks, rank = (self.trainer.world_size, self.trainer.global_rank) if self.trainer else (1, 0)
        seed = torch.initial_seed() if self.order_seed is None else self.order_seed
        return Order(split, ranks, rank, seed=seed % 2**32)  # type: ignore[arg-type]

    def train_dataloader(self) -> Shuffled:
        return self._loader(self.split("train"), Shuffled)

    def val_dataloader(self) -> DataLoader:
        return self._loader(self.split("val"), DataLoader)

    def test_dataloader(self) -> DataLoader:
        return self._loader(self.split("test"), DataLoader)

    def predict_dataloader(self) -> DataLoader:
        # Never shuffled: under DDP that would explain some samples twice and others not at all.
        return self._loader(self.predict_selection(), DataLoader)


def attributes_of(split: Split) -> Tensor | None:
    """A split's attributes; ``None`` also of one that was written before there were any."""
    return getattr(split, "attributes", None)


def sha256(*parts: bytes | np.ndarray) -> str:
    """Hash of bytes and arrays, shortened."""
    digest = hashlib.sha256()
    for part in parts:
        digest.update(part.tobytes() if isinstance(part, np.ndarray) else part)
    return digest.hexdigest()[:16]


def number_of(*parts: bytes) -> int:
    """Of what is in a sample, in 64 bits: two of a million samples have the same by chance once in 40 million times."""
    digest = hashlib.blake2b(digest_size=8)
    for part in parts:
        digest.update(part)
    return int.from_bytes(digest.digest(), "little", signed=True)


def _as_is(batch: Any) -> Any:
    """Batches leave a split whole; there is nothing to collate."""
    return batch


def seeded_split(n: int, fractions: dict[SplitName, float], seed: int) -> dict[SplitName, Tensor]:
    """Positions 0 … n−1 dealt out to splits by seed, without overlap; every split gets its share.

    Raises:
        InputError: fractions that are not positive or do not add up to one.
    """
    shares(fractions)
    order = torch.randperm(n, generator=torch.Generator().manual_seed(seed))
    bounds = torch.tensor([0.0, *fractions.values()]).cumsum(0).mul(n).round().long().tolist()
    return {name: order[a:b].sort().values for name, a, b in zip(fractions, bounds[:-1], bounds[1:], strict=True)}


def shares(fractions: dict[SplitName, float]) -> dict[SplitName, float]:
    """The fractions themselves.

    Raises:
        InputError: fractions that are not positive or do not add up to one.
    """
    if positive(**fractions) or abs(sum(fractions.values()) - 1) > 1e-6:
        raise InputError(f"split fractions must be positive and add up to 1; got {fractions}")
    return fractions
