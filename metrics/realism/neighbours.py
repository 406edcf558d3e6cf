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

    Brute force by matrix products: at a few hundred dimensions trees look at everything as well.
    A sample's neighbours do not depend on its batch; of those that are equally far, as images of few grey values often
    are, the first is the nearer one.

    Args:
        references: M×….
    """

    def __init__(self, references: Tensor) -> None:
        self.references = references.flatten(1)
        self.centre = self.references.mean(0)  # distances by matrix products lose digits far from the origin

    def __call__(self, queries: Tensor, k: int) -> Neighbours:
        """The k ≤ M nearest of N×…."""
        centred = self.references - self.centre
        found = [self._search(q, centred, k) for q in queries.flatten(1).split(max(1, AT_ONCE // len(centred)))]
        return Neighbours(torch.cat([f.distances for f in found]), torch.cat([f.positions for f in found]))

    def _search(self, queries: Tensor, centred: Tensor, k: int) -> Neighbours:
        # They also lose digits where a query is all but a reference: the few nearest are measured again, as they are.
        among = min(2 * k, len(centred))
        candidates = torch.cdist(queries - self.centre, centred).topk(among, largest=False).indices.sort(dim=1).values
        distances, order = (queries[:, None] - self.references[candidates]).norm(dim=2).sort(dim=1, stable=True)
        return Neighbours(distances[:, :k], candidates.gather(1, order[:, :k]))


def label_share(labels: Tensor, target: Tensor) -> Tensor:
    """Share of every sample's neighbours that have its target's label, N (Dombrowski et al., IV.B.3, k = 10).

    Args:
        labels: of the neighbours, N×k.
        target: class, N.
    """
    return (labels == target[:, None]).float().mean(1)
