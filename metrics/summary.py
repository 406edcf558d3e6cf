"""From one row a search to the few numbers that a run is judged by."""

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from metrics.intervals import Interval, difference_interval, mean_interval, median_interval, share_interval
from metrics.samples import (
    ALREADY_TARGET,
    FAILED,
    FLIPPED,
    MEANS,
    MEDIANS,
    SHARES,
    Samples,
    is_classes,
    of_result,
    samples,
)
from metrics.shifts import shifts

#: what changed of attributes: kind → how its columns begin
ATTRIBUTES = {"told": "told_", "seen": "shift_"}

#: what is not measured for every row, so that a row without it lacks nothing
IN_PART = ("ssim", "tangent_share", "relaxation")


class Number(NamedTuple):
    """A value, its 95 % interval, and the number of rows that it is of."""

    value: float
    interval: Interval
    rows: int


def summarize(table: pd.DataFrame, prefix: str = "") -> dict[str, Any]:
    """Numbers of one method over the rows of a run, with 95 % ``intervals``, and how many ``rows`` each is of.

    Rates are over the rows that were searched (all but ``already_target``); distances, steps and
    what judges the counterfactuals over those that flipped: a row that never arrived is no counterfactual. Means
    leave out values that are NaN, and ``not_finite`` says how many of the flipped rows have none. Where an
    image has several rows (column ``index``) the intervals are as wide as its rows being alike makes them.

    What an oracle says stands under ``oracle_accuracy/NAME`` (share of the flipped that it gives the target),
    ``oracle_accuracy_searched/NAME`` (flipped and given the target, of all searched), ``oracle_base/NAME`` and
    ``oracle_reconstruction/NAME`` (share of the same searched rows whose original, or its reconstruction, it gives
    the target), and ``oracle_gain/NAME``, agreement over the searched less the base; NAME is ``all`` for the verdict
    of all oracles at once.

    Args:
        table: columns ``source``, ``target``, and ``status``, ``confidence``, ``steps``, ``seconds``,
            ``reconstruction_error``, ``reason``, each of these with ``prefix``; of other columns (``MEANS``,
            ``oracle_NAME``, ``source_oracle_NAME``, ``p_manifold``, ``certificate``, ``first_hit``, …) what is
            there. ``probability`` is that of the target for x′, where ``confidence`` is something else.
        prefix: "" for the chart's columns, "control_" for the control's.
    """
    own = of_result(table, prefix)
    searched = own[own.status != ALREADY_TARGET]
    numbers = dict(_numbers(own, samples(table, prefix)))
    summary: dict[str, Any] = {name: number.value for name, number in numbers.items()}
    summary["intervals"] = {name: list(number.interval) for name, number in numbers.items()}
    summary["rows"] = {name: number.rows for name, number in numbers.items()}
    summary["timeout"], summary["failed"] = (int((own.status == s).sum()) for s in ("timeout", FAILED))
    summary["failures"] = _counts(searched.loc[searched.status != FLIPPED], "reason")
    if missing := _missing(searched[searched.status == FLIPPED]):
        summary["not_finite"] = missing
    if is_classes(searched.target):
        summary["pairs"] = _pairs(searched)
    else:
        summary["values"] = _values(searched)
    if attributes := _attributes(searched[searched.status == FLIPPED]):
        summary["attributes"] = attributes
    if "certificate" in own:
        summary["certificate"] = {c: int((own.certificate == c).sum()) for c in ("green", "amber", "red")}
    return summary


def _numbers(own: pd.DataFrame, of: Samples) -> Iterator[tuple[str, Number]]:
    for kind, average, interval in (
        (of.shares, np.mean, share_interval),
        (of.means, np.mean, mean_interval),
        (of.medians, np.median, median_interval),
    ):
        for name, values in kind.items():
            known = values.dropna().astype(float)
            value = float(average(known)) if len(known) else float("nan")
            yield name, Number(value, interval(known, _images(own, known)), len(known))
    for name, (first, second) in of.differences.items():
        both = pd.concat([first, second], axis=1).dropna()
        a, b = both.iloc[:, 0], both.iloc[:, 1]
        value = float(a.mean() - b.mean()) if len(both) else float("nan")
        yield name, Number(value, difference_interval(a, b, _images(own, both)), len(both))


def _images(own: pd.DataFrame, rows: pd.DataFrame | pd.Series) -> pd.Series | None:
    """Which image each of the rows is of."""
    return own["index"].loc[rows.index] if "index" in own else None


def _missing(flipped: pd.DataFrame) -> dict[str, int]:
    """Measure, or ``oracle_NAME`` → flipped rows that lack it, because a network gave NaN; where there are any."""
    measured = [name for name in (*SHARES, *MEANS, *MEDIANS, "distance") if name in flipped and name not in IN_PART]
    measured += [str(c) for c in flipped if str(c).startswith(("oracle_", "label_variation_"))]
    counts = {name: int(flipped[name].isna().sum()) for name in measured}
    return {name: n for name, n in counts.items() if n}


def _pairs(searched: pd.DataFrame) -> list[dict[str, Any]]:
    """Every pair of source and target class: searches, and how many flipped."""
    pairs = (searched.status == FLIPPED).rename("flipped").groupby([searched.source, searched.target])
    counts = pairs.agg(n="size", flipped="sum").reset_index()
    return [{str(k): int(v) for k, v in row.items()} for row in counts.to_dict("records")]


def _attributes(flipped: pd.DataFrame) -> list[dict[str, Any]]:
    """What the flipped changed of attributes, pair by pair: what the chart was told (``told_NAME``), what others see.

    One row a pair and attribute, of one pair the largest change first: ``told`` and ``seen``, means with ``_interval``
    and ``_p`` (see ``metrics.shifts``: of one pair and kind all attributes are tested together), of ``n`` rows. Of
    values there are no pairs, and ``source`` and ``target`` are ``None``.
    """
    kinds = {kind: [str(c) for c in flipped if str(c).startswith(before)] for kind, before in ATTRIBUTES.items()}
    if not any(kinds.values()) or flipped.empty:
        return []
    rows: list[dict[str, Any]] = []
    pairs: Any = flipped.groupby(["source", "target"]) if is_classes(flipped.target) else [((None, None), flipped)]
    for (source, target), group in pairs:
        images = group["index"].to_numpy() if "index" in group else None
        found: dict[str, dict[str, Any]] = {}
        for kind, columns in kinds.items():
            changes = {c.removeprefix(ATTRIBUTES[kind]): group[c].to_numpy(float) for c in columns}
            for s in shifts(changes, images):
                row = found.setdefault(
                    s.name, {"source": source, "target": target, "attribute": s.name, "n": len(group)}
                )
                row |= {kind: s.mean, f"{kind}_interval": list(s.interval), f"{kind}_p": s.p}
        rows += found.values()
    return rows


def _values(searched: pd.DataFrame) -> list[dict[str, Any]]:
    """Every target value: searches, how many reached it, and over those what the model and others say, on average.

    Fig. 11 and 13 of Dombrowski et al.: ``source`` and ``prediction`` are the model's values for x and x′,
    ``source_oracle_NAME`` and ``oracle_NAME`` an oracle's, ``neighbours`` those of real images near x′.
    """
    shown = ["label", "source", "prediction", "neighbours"]
    shown += [str(c) for c in searched if str(c).startswith(("oracle_", "source_oracle_"))]
    rows = []
    for target, group in searched.groupby("target"):
        reached = group[group.status == FLIPPED]
        means = {name: _mean(reached[name]) for name in shown if name in reached}
        rows.append({"target": float(target), "n": len(group), "reached": len(reached), **means})  # type: ignore[arg-type]
    return rows


def _counts(rows: pd.DataFrame, column: str) -> dict[str, int]:
    """How often each reason, or the status where there is none."""
    reasons = rows[column].where(rows[column] != "", rows.status)
    return {str(reason): int(n) for reason, n in reasons.value_counts().items()}


def _mean(values: pd.Series) -> float:
    return float(np.nanmean(values.astype(float))) if values.notna().any() else float("nan")
