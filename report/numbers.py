"""The numbers of a summary, as text."""

from typing import Any, NamedTuple

from metrics.oracle import ALL
from report.overview import results_of, variants
from results.meanings import GROUPS, MEANINGS


class SummaryRow(NamedTuple):
    """One line of the summary: what it is about, label, values, 95 % intervals and rows as text, and what it means."""

    group: str
    label: str
    values: list[str]
    intervals: list[str]
    meaning: str
    rows: list[str]


def summary_rows(summary: dict[str, Any]) -> list[SummaryRow]:
    """The summary's lines by group, all results side by side, a line an oracle; what none has is left out."""
    results = [*results_of(summary).values()]
    rows = []
    for group, key in ((group, key) for group, keys in GROUPS.items() for key in keys):
        names = variants(summary, key) or [""]
        known = [
            name
            for name in names
            if any(numbers.get(f"{key}/{name}" if name else key) is not None for numbers in results)
        ]
        rows += [_row(results, group, key, name, known[0]) for name in known]
    return rows


def _row(results: list[dict[str, Any]], group: str, key: str, oracle: str, first: str) -> SummaryRow:
    label, form, meaning = MEANINGS[key]
    full = f"{key}/{oracle}" if oracle else key
    counts = [numbers.get("rows", {}).get(full) for numbers in results]
    return SummaryRow(
        group,
        f"{label}: {'all of them' if oracle == ALL else oracle}" if oracle else label,
        [written(form, numbers.get(full)) for numbers in results],
        [interval(form, numbers.get("intervals", {}).get(full)) for numbers in results],
        meaning if oracle in ("", first) else "",  # once for all oracles
        ["" if count is None else f"n = {count:,}" for count in counts],
    )


def written(form: str, value: float | None) -> str:
    """A number as tables show it."""
    return "–" if value is None else form.format(value)


def interval(form: str, bounds: list[float | None] | None) -> str:
    """Its 95 % interval; "" where that is not known."""
    if not bounds or None in bounds:
        return ""
    low, high = (form.format(bound) for bound in bounds)
    return f"{low.removesuffix('%')} – {high}"
