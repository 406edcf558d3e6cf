"""Images dealt out to splits: every class in its share, and what belongs together on one side."""

import hashlib
import os
from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from datamodules.base import SplitName

TINY = 1e-9  # rounding of shares


def assign_splits(
    labels: Sequence[int], units: Sequence[int], names: Sequence[str], fractions: dict[SplitName, float], seed: int
) -> dict[SplitName, list[int]]:
    """Positions of the images of every split.

    The split of an image depends on the seed and on names, not on the order of the files. A unit goes to the first
    split that has room for it, in an order drawn by seed (units larger than a split's share of their class come first),
    so that an image that is added or removed moves few others; one of several classes goes to where most of them are
    missing. A class of as many units as there are splits, or more, comes into every one of them.

    Args:
        labels: class of each image.
        units: number of the unit that each image belongs to; a unit is not divided.
        names: of the images, each its own.
        fractions: shares that add up to 1, the training split's first.

    >>> deal([0, 0, 0, 1, 1, 1], range(6), "abcdef", {"train": 0.8, "val": 0.1, "test": 0.1}, seed=0)
    {'train': [1, 3], 'val': [2, 5], 'test': [0, 4]}
    """
    members = _members(units)
    counts = [_counts([labels[p] for p in unit]) for unit in members]
    left = _counts([label for count in counts for label in count])  # units of each class that are still to be dealt out
    size = _counts(labels)
    lacks = {split: {label: share * n for label, n in size.items()} for split, share in fractions.items()}
    lacks_in_all = {split: share * len(labels) for split, share in fractions.items()}
    order = list(fractions)
    without = {label: set(fractions) for label in size}
    dealt: dict[SplitName, list[int]] = {split: [] for split in fractions}

    def need(split: SplitName, count: dict[int, int]) -> tuple[float, ...]:
        urgent = sum(split in without[label] and left[label] <= len(without[label]) for label in count)
        has_room = len(count) == 1 and all(lacks[split][label] > n - TINY for label, n in count.items())
        share = sum(n * lacks[split][label] / size[label] for label, n in count.items())
        return urgent, -order.index(split) if has_room else -len(order), round(share, 9), round(lacks_in_all[split], 9)

    def turn(i: int) -> tuple[float, bytes]:
        n, largest = max((n, size[label]) for label, n in counts[i].items())
        name = min(names[p] for p in members[i])
        return -n if n > min(fractions.values()) * largest else 0, _key(seed, name)

    for i in sorted(range(len(members)), key=turn):
        chosen = max(order, key=lambda split: need(split, counts[i]))
        dealt[chosen] += members[i]
        lacks_in_all[chosen] -= len(members[i])
        for label, n in counts[i].items():
            lacks[chosen][label] -= n
            left[label] -= 1
            without[label].discard(chosen)
    return {split: sorted(positions) for split, positions in dealt.items()}


def together(n: int, *links: Sequence[Sequence[int]]) -> list[int]:
    """Number of the unit of each of n things, where those in a list belong together, of whatever kind the list is.

    >>> together(5, [[0, 1]], [[1, 3]])
    [0, 0, 1, 0, 2]
    """
    pairs = [pair for kind in links for group in kind for pair in pairwise(group)]
    rows, columns = np.array(pairs, dtype=int).reshape(-1, 2).T
    graph = coo_array((np.ones(len(rows)), (rows, columns)), shape=(n, n))
    return connected_components(graph, directed=False)[1].tolist()


def _key(seed: int, name: str) -> bytes:
    return hashlib.blake2b(f"{seed}\n".encode() + os.fsencode(name), digest_size=8).digest()


def _members(units: Sequence[int]) -> list[list[int]]:
    members: dict[int, list[int]] = {}
    for position, unit in enumerate(units):
        members.setdefault(unit, []).append(position)
    return list(members.values())


def _counts(labels: Sequence[int]) -> dict[int, int]:
    counts: dict[int, int] = {}
    for label in labels:
        counts[label] = counts.get(label, 0) + 1
    return counts
