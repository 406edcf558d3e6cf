"""Do independent models see what the explained one sees?"""

from typing import Any

import torch
from torch import Tensor
from torchmetrics import Metric


def agrees(oracle_logits: Tensor, target: Tensor) -> Tensor:
    """Whether the oracle's class (argmax of N×K) is the target (N); N bool."""
    return oracle_logits.argmax(1) == target


class OracleAccuracy(Metric):
    """Share of counterfactuals that an oracle, never seen by the search, gives the target class.

    Source: *Diffeomorphic Counterfactuals*, IV.B.3 (linear SVM oracles).
    """

    full_state_update = False
    agreed: Tensor
    total: Tensor

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.add_state("agreed", torch.tensor(0), dist_reduce_fx="sum")
        self.add_state("total", torch.tensor(0), dist_reduce_fx="sum")

    def update(self, oracle_logits: Tensor, target: Tensor) -> None:
        """Add N counterfactuals: logits N×K of the oracle and target classes N."""
        self.agreed += agrees(oracle_logits, target).sum()
        self.total += len(target)

    def compute(self) -> Tensor:
        """Accuracy in [0, 1]; NaN where nothing was counted."""
        return self.agreed / self.total
