"""From one row a search to the few numbers that a run is judged by."""

from typing import Any

import numpy as np
import pandas as pd

from metrics.bootstrap import mean_interval, median_interval
from metrics.oracle import share_of_way

#: status names as they stand in the table
FLIPPED, ALREADY_TARGET, FAILED = "flipped", "already_target", "failed"

SHARED = ("label", "source", "target")  # columns that all results have in common

#: columns of which the summary holds the mean over flipped rows
MEANS = (
    "l1_x",
    "l2_x",
    "l2_x_class",
    "l2_z",
    "l2_z_class",
    "changed",
    "ssim",
    "feature_distance",
    "margin",
    "cout",
    "neighbours",
    "im1",
    "im2",
    "log_q",
    "z_norm",
    "off_axis",
    "grain",
    "chart_error",
    "tangent_share",
    "label_variation",
    "attributes_changed",
    "lpips",
    "relaxation",
    "heads_agree",
)

#: of these, what is not measured for every row
IN_PART = ("ssim", "tangent_share", "relaxation")


def summarize(table: pd.DataFrame, prefix: str = "") -> dict[str, Any]:
    """Numbers of one method over the rows of a run, with 95 % intervals (``intervals``) from resampled rows.

    Rates are over the rows that were searched (all but ``already_target``); distances, steps and
    what judges the counterfactuals over those that flipped: a row that never arrived is no counterfactual. Means
    leave out values that are NaN, and ``not_finite`` says how many of the flipped rows have none.

    Args:
        table: columns ``source``, ``target``, and ``status``, ``confidence``, ``steps``, ``seconds``,
            ``reconstruction_error``, ``reason``, each of these with ``prefix``; of other columns (``MEANS``,
            ``oracle_NAME``, ``p_manifold``, ``certificate``, …) what is there.
        prefix: "" for the chart's columns, "control_" for the control's.
    """
    own = table
    if prefix:
        shared = [c for c in table.columns if c in SHARED or str(c).startswith("source_oracle_")]
        own = table[[*shared, *(c for c in table.columns if str(c).startswith(prefix))]]
        own = own.rename(columns=lambda c: str(c).removeprefix(prefix))
    searched = own[own.status != ALREADY_TARGET].copy()  # in one piece: the table has grown column by column
    flipped = searched[searched.status == FLIPPED]
    means, medians = _samples(own, searched, flipped)
    summary: dict[str, Any] = {name: _mean(values) for name, values in means.items()}
    summary |= {name: _median(values) for name, values in medians.items()}
    summary["intervals"] = {
        **{name: list(mean_interval(values)) for name, values in means.items()},
        **{name: list(median_interval(values)) for name, values in medians.items()},
    }
    summary["timeout"], summary["failed"] = (int((own.status == s).sum()) for s in ("timeout", FAILED))
    summary["failures"] = _counts(searched.loc[searched.status != FLIPPED], "reason")
    if missing := _missing(flipped):
        summary["not_finite"] = missing
    if is_classes(searched.target):
        summary["pairs"] = _pairs(searched)
    else:
        summary["values"] = _values(searched)
    if "certificate" in own:
        summary["certificate"] = {c: int((own.certificate == c).sum()) for c in ("green", "amber", "red")}
    return summary


def _missing(flipped: pd.DataFrame) -> dict[str, int]:
    """Measure, or ``oracle_NAME`` → flipped rows that lack it, because a network gave NaN; where there are any."""
    measured = [name for name in (*MEANS, "distance") if name in flipped and name not in IN_PART]
    measured += [str(c) for c in flipped if str(c).startswith(("oracle_", "label_variation_"))]
    counts = {name: int(flipped[name].isna().sum()) for name in measured}
    return {name: n for name, n in counts.items() if n}


Samples = dict[str, pd.Series]


def _samples(own: pd.DataFrame, searched: pd.DataFrame, flipped: pd.DataFrame) -> tuple[Samples, Samples]:
    """Values a row of what the summary holds the mean of, and of what it holds the median of."""
    means: Samples = {
        "flip_rate": searched.status == FLIPPED,
        "confidence": flipped.confidence,
        "reconstruction_error": own.reconstruction_error,
        "seconds_per_sample": searched.seconds,
        **({"decodes": searched.decodes} if "decodes" in searched else {}),
        **{name: flipped[name] for name in MEANS if name in flipped},
        **{str(c): flipped[c] for c in flipped if str(c).startswith("label_variation_")},
    }
    if classes := is_classes(searched.target):
        if "label" in own and "index" in own:
            samples = own.drop_duplicates("index")
            means["label_agreement"] = samples.source == samples.label
        means["flip_rate_half"] = (searched.status == FLIPPED) | (searched.confidence > 0.5)
    for name in oracles_in(flipped):
        if classes:
            said = flipped[f"oracle_{name}"]
            means[f"oracle_accuracy/{name}"] = (said == flipped.target).astype(float).where(said.notna())
        else:
            means[f"oracle_share/{name}"] = share_of_way(flipped, name)
    if "certificate" in flipped:
        means["certified"] = searched.certificate == "green"
        means["on_manifold"] = ~flipped.certificate_reasons.str.contains("off the data manifold")
    medians: Samples = {"median_steps": flipped.steps}
    if "distance" in flipped:
        medians["median_distance"] = flipped.distance
    if "strangeness" in flipped:  # without an upper bound: one sample would be the mean
        medians["strangeness"] = flipped.strangeness
    return means, medians


def is_classes(target: pd.Series) -> bool:
    """Whether targets are classes; otherwise they are values."""
    return pd.api.types.is_integer_dtype(target)


def oracles_in(table: pd.DataFrame) -> list[str]:
    """Of columns ``oracle_NAME``."""
    return [str(c).removeprefix("oracle_") for c in table if str(c).startswith("oracle_")]


def _pairs(searched: pd.DataFrame) -> list[dict[str, Any]]:
    """Every pair of source and target class: searches, and how many flipped."""
    pairs = searched.assign(flipped=searched.status == FLIPPED).groupby(["source", "target"]).flipped
    counts = pairs.agg(n="size", flipped="sum").reset_index()
    return [{str(k): int(v) for k, v in row.items()} for row in counts.to_dict("records")]


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


def _median(values: pd.Series) -> float:
    return float(np.nanmedian(values.astype(float))) if values.notna().any() else float("nan")
