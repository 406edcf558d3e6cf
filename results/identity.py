"""What makes a run this run and no other, and a sample this sample."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from datamodules.base import Split
from networks.fingerprint import fingerprint

Identity = dict[str, str]
WITHOUT_EFFECT = ("batch_size", "num_workers", "slots")  # on results
ODD = 0x9E3779B97F4A7C15 - 2**64  # any large odd number: repeats of a sample get numbers of their own


def searches_depend_on(
    parts: Mapping[str, nn.Module], shape: Sequence[int], settings: dict[str, Any], learned_from: Split | None = None
) -> Identity:
    """Settings by their dotted names and hashes of weights, as text: with others a search would end elsewhere.

    The samples are not among them: each has its own identity (``Samples``).

    Args:
        parts: networks that take part, by what they are called.
        shape: of one sample.
        settings: the config's part that results depend on, nested; ``callbacks`` in it are what measures.
        learned_from: data that methods learn from.
    """
    chosen = {name: value for name, value in settings.items() if name != "callbacks"}
    return {
        **_named(chosen),
        **{name: fingerprint(network) for name, network in parts.items()},
        "the shape of a sample": str(tuple(shape)),
        **({} if learned_from is None else {"the data that methods learn from": learned_from.fingerprint()}),
    }


def measures_depend_on(judges: Mapping[str, str], compared: Mapping[str, Split], settings: dict[str, Any]) -> Identity:
    """The same for what callbacks measure: with others the searches stay what they are, and are measured anew.

    Args:
        judges: hashes of the checkpoints that they judge by, by role.
        compared: data that they compare with, by split.
        settings: as above.
    """
    weights = {f"the weights of {role}": digest for role, digest in judges.items()}
    real = {f"the {name} data to compare with": split.fingerprint() for name, split in compared.items()}
    return {**_named({"callbacks": settings.get("callbacks")}), **weights, **real}


def differences(earlier: Identity, now: Identity) -> list[str]:
    """What changed, in words."""
    return [
        f"{key} was {earlier.get(key, 'not set')} and is {now.get(key, 'not set')}"
        for key in sorted({*earlier, *now})
        if earlier.get(key) != now.get(key)
    ]


def stamp(measures: Identity, samples: "Samples") -> str:
    """Short for what a search's measurements and its position depend on."""
    return hashlib.sha256(repr((sorted(measures.items()), samples.digest)).encode()).hexdigest()[:16]


class Found(NamedTuple):
    """Searches' rows whose samples are still there, n int64, and where these stand now, n int64."""

    rows: Tensor
    positions: Tensor


class Samples:
    """Which sample stands where, told by what is in it: 16 bytes a sample, sorted once.

    Equal samples are told apart by their order.

    Args:
        index: positions in the split, N int64.
        contents: ``Split.contents`` of them, N int64.
    """

    def __init__(self, index: Tensor, contents: Tensor) -> None:
        self.index, by_index = index.sort()
        self.keys = _repeats_apart(contents[by_index])
        self.sorted, self.order = self.keys.sort()
        self.digest = hashlib.sha256(self.index.numpy().tobytes() + self.keys.numpy().tobytes()).hexdigest()

    @staticmethod
    def of(selection: Split) -> "Samples":
        """All that is to be explained."""
        everything = torch.arange(len(selection))
        return Samples(getattr(selection, "positions", everything), selection.contents(everything.tolist()))

    def keys_of(self, index: Tensor) -> Tensor:
        """Of the samples at positions in the split, n int64 each."""
        return self.keys[torch.searchsorted(self.index, index)]

    def find(self, keys: Tensor) -> Found:
        """Those of the samples that are there, and their positions."""
        at = torch.searchsorted(self.sorted, keys).clamp(max=len(self.sorted) - 1)
        rows = (self.sorted[at] == keys).nonzero()[:, 0]
        return Found(rows, self.index[self.order[at[rows]]])


def _repeats_apart(contents: Tensor) -> Tensor:
    """Numbers that differ where samples do not, by how often they came before."""
    values, order = np.sort(contents.numpy()), np.argsort(contents.numpy(), kind="stable")
    first = np.maximum.accumulate(np.where(np.r_[True, values[1:] != values[:-1]], np.arange(len(values)), 0))
    repeats = np.empty(len(values), dtype=np.int64)
    repeats[order] = np.arange(len(values)) - first
    return contents + torch.from_numpy(repeats) * ODD


def _named(settings: dict[str, Any]) -> Identity:
    return {k: str(v) for k, v in _flat(settings) if k.rpartition(".")[2] not in WITHOUT_EFFECT}


def _flat(value: Any, name: str = "") -> Iterator[tuple[str, Any]]:
    """Leaves of nested dictionaries and lists with their dotted names."""
    if isinstance(value, (list, tuple)):
        value = dict(enumerate(value))
    if isinstance(value, dict):
        for key, item in value.items():
            yield from _flat(item, f"{name}.{key}" if name else str(key))
    else:
        yield name, value
