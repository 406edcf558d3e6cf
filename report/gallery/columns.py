"""The table as compact JSON: a list a column, short numbers, repeated words once."""

from typing import Any

import numpy as np
import pandas as pd

from results.naming import column

#: columns that all results have in common
SHARED = ("index", "number", "label", "source", "target", "confidence_before")
JUDGED = ("source", "reconstruction")  # that oracles are asked about, too


def columns_of(table: pd.DataFrame, results: list[str]) -> dict[str, dict[str, Any]]:
    """Result → column without its prefix → values; columns without a single value are left out.

    What all results have in common stands under ``shared``, the oracles' verdicts on the originals and on their
    reconstructions (``source_oracle_NAME``, ``reconstruction_oracle_NAME``, where they are known) under ``source``
    and ``reconstruction``.
    """
    filled = [str(c) for c in table if c not in SHARED and table[c].notna().any() and not (table[c] == "").all()]
    prefixes = {name: column(name, "") for name in (*results, *JUDGED)}
    by_length = sorted(prefixes, key=len, reverse=True)  # a column of "liu_2" also begins like one of "liu"
    parts: dict[str, dict[str, Any]] = {name: {} for name in prefixes}
    for c in filled:
        name = next(n for n in by_length if c.startswith(prefixes[n] + ("oracle_" if n in JUDGED else "")))
        parts[name][c.removeprefix(prefixes[name])] = values_of(table[c])
    return {"shared": {c: values_of(table[c]) for c in SHARED if c in table}, **parts}


def values_of(series: pd.Series) -> list[Any] | dict[str, list[Any]]:
    """A column as JSON: numbers with five digits, null for NaN; text as ``words`` and ``codes``."""
    if pd.api.types.is_bool_dtype(series) or pd.api.types.is_integer_dtype(series):
        return series.astype(int).tolist()
    if pd.api.types.is_numeric_dtype(series):
        return [float(f"{v:.5g}") if np.isfinite(v) else None for v in series.tolist()]
    codes, words = pd.factorize(series.fillna("").astype(str))
    return {"words": words.tolist(), "codes": codes.tolist()}
