"""Nearest neighbours among real samples."""

from typing import NamedTuple

import torch
from torch import Tensor

AT_ONCE = 2**24  # distances held at a time: 64 MB


class Neighbours(NamedTuple):
    """The k nearest references of N queries, nearest first.

    Attributes:
        distances: Euclidean, N×k.
        positions: of the references, N×k int64.
    """

    distances: Tensor
    positions: Tensor


class Nearest:
    """Exact nearest neighbours by the Euclidean norm.

    Brute force by matrix products: at a few hundred dimensions trees look at everything as well
    (docs/results.md). A sample's neighbours do not depend on its batch.

    Args:
        references: M×….
    """

    def __init__(self, references: Tensor) -> None:
        flat = references.flatten(1)
        self.centre = flat.mean(0)  # distances by matrix products lose digits far from the origin
        self.references = flat - self.centre

    def __call__(self, queries: Tensor, k: int) -> Neighbours:
        """The k ≤ M nearest of N×…."""
        parts = (queries.flatten(1) - self.centre).split(max(1, AT_ONCE // len(self.references)))
        found = [self._search(part, k) for part in parts]
        return Neighbours(torch.cat([f.distances for f in found]), torch.cat([f.positions for f in found]))

    def _search(self, queries: Tensor, k: int) -> Neighbours:
        # They also lose digits where a query is all but a reference: the few nearest are measured again.
        among = min(2 * k, len(self.references))
        candidates = torch.cdist(queries, self.references).topk(among, largest=False).indices
        distances, order = (queries[:, None] - self.references[candidates]).norm(dim=2).sort(dim=1, stable=True)
        return Neighbours(distances[:, :k], candidates.gather(1, order[:, :k]))


def label_share(labels: Tensor, target: Tensor) -> Tensor:
    """Share of every sample's neighbours that have its target's label, N (Dombrowski et al., IV.B.3, k = 10).

    Args:
        labels: of the neighbours, N×k.
        target: class, N.
    """
    return (labels == target[:, None]).float().mean(1)
