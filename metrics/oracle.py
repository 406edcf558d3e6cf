"""Do independent models see what the explained one sees, and did they see it in the original already?"""

from typing import NamedTuple

import pandas as pd
import torch
from torch import Tensor

#: what the strictest verdict is called, that of all oracles at once
ALL = "all"


def decision(logits: Tensor) -> Tensor:
    """Class of every row of N×K, N int64; where one holds NaN float32, with NaN for the rows that do: no decision."""
    answered, classes = ~logits.isnan().any(1), logits.argmax(1)
    return classes if answered.all() else classes.float().masked_fill(~answered, torch.nan)


class Votes(NamedTuple):
    """Whether oracles give the target, a column an oracle, N×O of 0 and 1, NaN where one says NaN.

    With two oracles or more a last column ``all`` says whether every one of them does.

    Attributes:
        counterfactual: to x′.
        original: to x, without any search; without columns where the table does not know.
        reconstruction: to decode(encode(x)), likewise.
    """

    counterfactual: pd.DataFrame
    original: pd.DataFrame
    reconstruction: pd.DataFrame


def votes(table: pd.DataFrame) -> Votes:
    """The votes of all oracles on one result's rows.

    Args:
        table: columns ``target`` (classes) and ``oracle_NAME``; of ``source_oracle_NAME`` and
            ``reconstruction_oracle_NAME``, an oracle's class for x and for its reconstruction, what is there.
    """
    return Votes(*(_votes(table, kind) for kind in ("", "source_", "reconstruction_")))


def _votes(table: pd.DataFrame, kind: str) -> pd.DataFrame:
    names = oracles_in(table)
    there = [name for name in names if f"{kind}oracle_{name}" in table]
    said = pd.DataFrame({name: _gives_target(table, f"{kind}oracle_{name}") for name in there}, index=table.index)
    if len(there) < max(2, len(names)):
        return said
    every = said.min(axis=1, skipna=False)
    return said.assign(**{ALL: every.mask((said == 0).any(axis=1), 0.0)})  # one that refuses decides, whoever is silent


def _gives_target(table: pd.DataFrame, column: str) -> pd.Series:
    return (table[column] == table["target"]).astype(float).where(table[column].notna())


def oracles_in(table: pd.DataFrame) -> list[str]:
    """Of columns ``oracle_NAME``."""
    return [str(c).removeprefix("oracle_") for c in table if str(c).startswith("oracle_")]


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
