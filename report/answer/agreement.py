"""Which independent models see what the explained one sees, row by row."""

import pandas as pd

from metrics import votes
from metrics.oracle import ALL, HALF_WAY, oracles_in, share_of_way
from metrics.samples import of_result
from results.naming import column
from results.reader import Results


def agreement(results: Results, name: str) -> pd.DataFrame:
    """Whether every oracle agrees with one result's x′, rows × oracles of 1, 0 and NaN, which is no answer.

    It agrees with a class that it gives x′, too, and with a value to which it sees x′ go at least half of the way, as
    certificates have it. Without columns where nothing is known of one of them: nobody could then say "every".
    """
    own = of_result(results.table, column(name, ""))
    if results.class_names:
        return votes(own).counterfactual.drop(columns=ALL, errors="ignore")
    return _of_values(own)


def agreed_before(results: Results) -> pd.DataFrame:
    """The same of the originals, before any search; without columns where that is unknown, and for values."""
    if not results.class_names:
        return pd.DataFrame(index=results.table.index)
    return votes(results.table).original.drop(columns=ALL, errors="ignore")


def unanimous(said: pd.DataFrame) -> pd.Series:
    """Rows on which every oracle has answered and agrees, bool."""
    return said.eq(1).all(axis=1)


def _of_values(own: pd.DataFrame) -> pd.DataFrame:
    names = oracles_in(own)
    if any(f"source_oracle_{name}" not in own for name in names):
        return pd.DataFrame(index=own.index)
    ways = {name: share_of_way(own, name) for name in names}
    return pd.DataFrame({n: (w >= HALF_WAY).astype(float).where(w.notna()) for n, w in ways.items()}, index=own.index)
