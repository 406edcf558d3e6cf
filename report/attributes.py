"""What changed of attributes, pair by pair, beside what was known of the training images."""

from typing import Any, NamedTuple

import pandas as pd

from metrics.intervals import LEVEL
from metrics.summary import ATTRIBUTES
from report.overview import results_of
from results.reader import Results

MOST = 5  # attributes in a sentence
LEAST = 0.005  # smaller changes are none to people


class Change(NamedTuple):
    """A mean change: its text, its interval, whether it is more than chance, and as a share of the largest, −1 to 1."""

    text: str
    interval: str
    certain: bool
    share: float


class Row(NamedTuple):
    """An attribute: what the generator was told, what others see, and the training images' shares or means by class."""

    name: str
    told: Change | None
    seen: Change | None
    known: tuple[str, str] | None


class Table(NamedTuple):
    """A pair of one result, with how many searches flipped, and its attributes."""

    result: str
    pair: str
    n: int
    rows: list[Row]


def attribute_tables(results: Results) -> list[Table]:
    """Of every result and pair whose summary has attributes; the counterfactuals' first."""
    summary = results.summary
    tables: list[Table] = []
    for result, numbers in results_of(summary).items():
        found = numbers.get("attributes") or []
        pairs = dict.fromkeys((row["source"], row["target"]) for row in found)
        for source, target in pairs:
            rows = [row for row in found if (row["source"], row["target"]) == (source, target)]
            tables.append(_table(results, result, rows, summary.get("attribute_means") or {}))
    return tables


def sentence(table: pd.Series, prefix: str = "") -> str:
    """The largest changes of one row that the chart was told, or else that others see: "Eyeglasses +0.82, Bald −0.31".

    "" where none is known, or all are too small to see.
    """
    for before in ATTRIBUTES.values():
        start = prefix + before
        found = {str(c).removeprefix(start): float(v) for c, v in table.items() if str(c).startswith(start)}
        if found:
            largest = sorted(found.items(), key=lambda change: -abs(change[1]))[:MOST]
            return ", ".join(f"{readable(name)} {signed(value)}" for name, value in largest if abs(value) >= LEAST)
    return ""


def readable(name: str) -> str:
    """An attribute's name without underscores."""
    return name.replace("_", " ")


def signed(value: float) -> str:
    """With two digits and a sign of its own."""
    return f"{'−' if value < 0 else '+'}{abs(value):.2f}"


def _table(results: Results, result: str, rows: list[dict[str, Any]], known: dict[str, list[float]]) -> Table:
    first = rows[0]
    source, target = first["source"], first["target"]
    pair = "all" if source is None else f"{results.name_of(source)} → {results.name_of(target)}"
    most = {kind: max((abs(row[kind]) for row in rows if row.get(kind) is not None), default=0) for kind in ATTRIBUTES}
    return Table(
        result,
        pair,
        first["n"],
        [
            Row(
                readable(row["attribute"]),
                _change(row, "told", most["told"]),
                _change(row, "seen", most["seen"]),
                _known(known.get(row["attribute"]), source, target),
            )
            for row in rows
        ],
    )


def _change(row: dict[str, Any], kind: str, most: float) -> Change | None:
    if row.get(kind) is None:
        return None
    low, high = row[f"{kind}_interval"]
    interval = "" if low is None or high is None else f"{signed(low)} to {signed(high)}"
    p = row.get(f"{kind}_p")
    return Change(signed(row[kind]), interval, p is not None and p < 1 - LEVEL, row[kind] / most if most else 0.0)


def _known(means: list[float] | None, source: Any, target: Any) -> tuple[str, str] | None:
    if means is None or source is None:
        return None
    of = [means[int(label)] for label in (source, target)]
    return (f"{of[0]:.1%}", f"{of[1]:.1%}") if all(0 <= m <= 1 for m in means) else (f"{of[0]:.3g}", f"{of[1]:.3g}")
