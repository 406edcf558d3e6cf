"""Do independent models see what the explained one sees?"""

from typing import Any

import pandas as pd
import torch
from torch import Tensor
from torchmetrics import Metric


def decision(logits: Tensor) -> Tensor:
    """Class of every row of N×K, N int64; where one holds NaN float32, with NaN for the rows that do: no decision."""
    answered, classes = ~logits.isnan().any(1), logits.argmax(1)
    return classes if answered.all() else classes.float().masked_fill(~answered, torch.nan)


def agrees(oracle_logits: Tensor, target: Tensor) -> Tensor:
    """Whether the oracle's class (argmax of N×K) is the target (N); N bool."""
    return oracle_logits.argmax(1) == target


#: of the way to a target value that an oracle must have seen a counterfactual go, to agree
HALF_WAY = 0.5


def share_of_way(table: pd.DataFrame, oracle: str, prefix: str = "") -> pd.Series:
    """How much of the way from x to the target value an oracle sees x′ go: (o(x′) − o(x)) / (r − f(x)), N.

    Args:
        table: columns ``source`` (f(x)), ``target`` (r), ``source_oracle_NAME`` (o(x)) and, with the prefix,
            ``oracle_NAME`` (o(x′)).
        oracle: its name.
        prefix: as in ``summarize``.
    """
    went = table[f"{prefix}oracle_{oracle}"] - table[f"source_oracle_{oracle}"]
    return went / (table["target"] - table["source"])


class OracleAccuracy(Metric):
    """Share of counterfactuals that an oracle, never seen by the search, gives the target class, of those it decides.

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
        answered = ~oracle_logits.isnan().any(1)
        self.agreed += (agrees(oracle_logits, target) & answered).sum()
        self.total += answered.sum()

    def compute(self) -> Tensor:
        """Accuracy in [0, 1]; NaN where nothing was counted."""
        return self.agreed / self.total
