"""Feature vectors of samples, gathered from all ranks."""

from typing import Any

import torch
from torch import Tensor
from torchmetrics import Metric
from torchmetrics.utilities import dim_zero_cat


class FeatureBank(Metric):
    """Collects B×d batches; ``compute`` gives the N×d of all ranks, whatever number each has seen, rank by rank.

    torchmetrics' own KID keeps its features without a reduction, and ranks of unequal batches then wait
    for each other.

    Args:
        dim: d.
    """

    full_state_update = False
    features: list[Tensor]

    def __init__(self, dim: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.dim = dim
        self.add_state("features", [], dist_reduce_fx="cat")

    def update(self, features: Tensor) -> None:
        """Add B×d."""
        self.features.append(features)

    def compute(self) -> Tensor:
        """N×d."""
        return dim_zero_cat(self.features) if len(self.features) else torch.zeros(0, self.dim)
