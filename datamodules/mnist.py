"""MNIST in torchvision's layout."""

from typing import Any

from torch import Tensor
from torchvision.datasets import MNIST as TorchvisionMNIST

from datamodules.base import DataModule, Split, SplitName, TensorSplit, seeded_split
from datamodules.images import morphology
from networks.checks import seeds, whole
from networks.errors import InputError


class MNIST(DataModule):
    """Ten classes of 1×28×28 images with 256 grey values.

    The official 10,000 test images are the test split; ``n_val`` of the 60,000 others, chosen by
    seed, are the validation split. See ``DataModule`` for the common arguments.

    Attributes:
        source: torchvision's class that reads the files; its name is their folder's.
        names: the classes' names, in order.
        measures: what can be measured of an image.

    Args:
        root: folder that holds ``MNIST/raw/*-ubyte``.
        download: fetch the files into ``root`` where they are missing.
        n_val: size of the validation split.
        seed: of that choice.
        attributes: what is measured of every image's strokes, of thickness, slant, width and length
            (``datamodules.images.morphology``); ``None`` for nothing.

    Raises:
        InputError: the files are not there and ``download`` is off, or something else is to be measured.
    """

    levels = 256
    source: type[TorchvisionMNIST] = TorchvisionMNIST
    names: tuple[str, ...] = tuple(str(d) for d in range(10))
    measures: tuple[str, ...] = morphology.NAMES

    def __init__(
        self,
        root: str = "data",
        download: bool = False,
        n_val: int = 5_000,
        batch_size: int = 128,
        seed: int = 0,
        attributes: list[str] | None = None,
        **common: Any,
    ) -> None:
        super().__init__(batch_size=batch_size, **common)
        self.shape, self.num_classes, self.class_names = (1, 28, 28), len(self.names), list(self.names)
        InputError.collect(whole(1, n_val=n_val) + seeds(seed=seed))
        self.attribute_names = attributes or []
        if unknown := [name for name in self.attribute_names if name not in self.measures]:
            known = f"choose of {', '.join(self.measures)}" if self.measures else "leave attributes out"
            raise InputError(f"attributes names {', '.join(map(repr, unknown))}, which is not measured: {known}")
        self.root, self.download, self.n_val, self.seed = root, download, n_val, seed

    def prepare_data(self) -> None:
        """Download where asked for; Lightning calls this on one process alone."""
        if not self.download:
            return
        try:
            self.source(self.root, download=True)
        except (RuntimeError, OSError) as error:
            why = " ".join(str(error).split())[:200]
            raise InputError(
                f"--data.download true: {self.source.__name__} cannot be fetched into {self.root!r} ({why}): put its "
                f"files into {self.root}/{self.source.__name__}/raw by hand, or try again with a network"
            ) from error

    def load(self) -> dict[SplitName, Split]:
        train, test = self._read(train=True), self._read(train=False)
        if not 0 < self.n_val < len(train.data):
            raise InputError(f"n_val must be between 1 and {len(train.data) - 1}; got {self.n_val}")
        fraction = self.n_val / len(train.data)
        positions = seeded_split(len(train.data), {"train": 1 - fraction, "val": fraction}, self.seed)
        known, of_test = self._attributes(train), self._attributes(test)
        splits: dict[SplitName, Split] = {
            name: TensorSplit(
                train.data[p][:, None], train.targets[p].long(), attributes=None if known is None else known[p]
            )
            for name, p in positions.items()
        }
        splits["test"] = TensorSplit(test.data[:, None], test.targets.long(), attributes=of_test)
        return splits

    def _attributes(self, source: TorchvisionMNIST) -> Tensor | None:
        """N×A float32."""
        if not self.attribute_names:
            return None
        return morphology.measured(source.data)[:, [self.measures.index(name) for name in self.attribute_names]]

    def _read(self, train: bool) -> TorchvisionMNIST:
        name = self.source.__name__
        try:
            return self.source(self.root, train=train)
        except (RuntimeError, OSError, ValueError) as error:
            raise InputError(
                f"no complete {name} in {self.root!r} (looked for {self.root}/{name}/raw/*-ubyte): pass --data.root "
                f"with the folder that holds it, or --data.download true ({error})"
            ) from error
