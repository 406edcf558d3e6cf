"""Feature vectors of samples, gathered from all ranks."""

from typing import Any, NamedTuple

import torch
from torch import Tensor
from torchmetrics import Metric
from torchmetrics.utilities import dim_zero_cat


class GatheredFeatures(NamedTuple):
    """The features of all ranks, N×d, and the keys of their samples, N×2 int64."""

    features: Tensor
    keys: Tensor


class FeatureBank(Metric):
    """Collects B×d batches; ``compute`` gives those of all ranks, in the order of their samples.

    Whatever number each rank has seen, and whichever: the same rows in the same order. torchmetrics' own KID keeps
    its features without a reduction, and ranks of unequal batches then wait for each other.

    Args:
        dim: d.
    """

    full_state_update = False
    features: list[Tensor]
    keys: list[Tensor]

    def __init__(self, dim: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.dim = dim
        self.add_state("features", [], dist_reduce_fx="cat")
        self.add_state("keys", [], dist_reduce_fx="cat")

    def update(self, features: Tensor, keys: Tensor) -> None:
        """Add B×d, of samples that ``keys`` tell apart and put in order, B×2 int64."""
        self.features.append(features)
        self.keys.append(keys)

    def compute(self) -> GatheredFeatures:
        """Of N samples."""
        if not len(self.features):
            return GatheredFeatures(torch.zeros(0, self.dim), torch.zeros(0, 2, dtype=torch.int64))
        features, keys = dim_zero_cat(self.features), dim_zero_cat(self.keys)
        order = keys[:, 1].argsort(stable=True)
        order = order[keys[order, 0].argsort(stable=True)]
        return GatheredFeatures(features[order], keys[order])
