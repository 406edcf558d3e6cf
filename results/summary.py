"""What all searches of a run come to: ``summary.json``."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import pandas as pd

from metrics import summarize
from results.naming import column, scalar

FORMAT = 2  # of the folder: what changed with each number stands in docs/results-folder.md
FIRST = ("label_agreement", "model")  # of the summary: what the rest stands on


def summary_of(
    table: pd.DataFrame,
    names: Iterable[str],
    measured: Mapping[str, Any],
    confidence_is: str,
    class_names: list[str],
    made_with: Mapping[str, Any],
) -> dict[str, Any]:
    """What the run comes to, as ``summary.json`` has it.

    Args:
        table: one row a search (``results.table.merge``).
        names: of the results; "" is the chart's.
        measured: what the metric callbacks found, the control's under ``control/…``.
        confidence_is: what the table's confidences are (``goals.objectives.measured_as``).
        class_names: empty for values.
        made_with: its ``provenance``.
    """
    results = {
        name: merged(summarize(table, column(name, "")), own, measured.get("oracle"))
        for name, own in _by_result(names, measured).items()
    }
    own = results.pop("")
    first = {name: own[name] for name in FIRST if name in own}
    summary = {"format": FORMAT, "n": len(table), **first, "confidence_is": confidence_is, **own}
    if "control" in results:
        summary["control"] = results.pop("control")
    if results:
        summary["others"] = results
    return {**summary, "class_names": class_names, "provenance": made_with}


def merged(summary: dict[str, Any], measured: dict[str, Any], oracle: str | None) -> dict[str, Any]:
    """Both, and the intervals and rows of both; the numbers of the first oracle stand without its name, too."""
    parts: dict[str, Any] = {
        kind: {**summary.get(kind, {}), **measured.get(kind, {})} for kind in ("intervals", "rows")
    }
    both = {"oracle_accuracy": None, "fid": None, **summary, **measured, **parts}
    for numbers in (both, *parts.values()):
        of_first = {name.removesuffix(f"/{oracle}"): v for name, v in numbers.items() if name.endswith(f"/{oracle}")}
        numbers.update({name: v for name, v in of_first.items() if numbers.get(name) is None})
    return both


def _by_result(names: Iterable[str], measured: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """By result: ``control/fid`` is the control's ``fid``."""
    results: dict[str, dict[str, Any]] = {name: {} for name in names}
    for key, value in measured.items():
        name, _, rest = key.partition("/")
        if name in results:
            results[name][rest] = value
        else:
            results[""][key] = value
    return results


def loggable(summary: dict[str, Any]) -> dict[str, float]:
    """The summary's numbers under the names that loggers know: ``cf/control/fid``, ``cf/intervals/fid/low``."""
    flat = {name: value for name, value in summary.items() if name != "others"}
    return {f"cf/{name}": float(value) for name, value in _numbers({**flat, **summary.get("others", {})})}


def _numbers(values: dict[str, Any]) -> Iterator[tuple[str, float]]:
    """Numbers in nested dictionaries with their names, but not how many rows they are of; of lists, intervals alone."""
    for key, value in values.items():
        if key == "rows":
            continue
        if isinstance(value, dict):
            inner = {name: _ends(v) for name, v in value.items()} if key == "intervals" else value
            yield from ((scalar(key, name), number) for name, number in _numbers(inner))
        elif isinstance(value, (int, float)):
            yield key, value


def _ends(interval: list[float] | None) -> dict[str, float]:
    return {} if interval is None else {"low": interval[0], "high": interval[1]}
