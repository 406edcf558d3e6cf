"""From one row a search to the few numbers that a run is judged by."""

import numpy as np
import pandas as pd

#: status names as they stand in the table
FLIPPED, ALREADY_TARGET, FAILED = "flipped", "already_target", "failed"


def summarize(table: pd.DataFrame, prefix: str = "") -> dict[str, float]:
    """Numbers of one method over the rows of a run.

    Rates are over the rows that were searched (all but ``already_target``); distances, steps and
    oracle agreement over those that flipped: a row that never arrived is no counterfactual.

    Args:
        table: columns ``status``, ``l2_x``, ``l2_z``, ``steps``, ``seconds``, each with ``prefix``.
        prefix: "" for the chart's columns, "control_" for the control's.
    """
    status = table[prefix + "status"]
    searched = table[status != ALREADY_TARGET]
    flipped = table[status == FLIPPED]
    summary = {
        "flip_rate": _ratio(len(flipped), len(searched)),
        "failed": int((status == FAILED).sum()),
        "timeout": int((status == "timeout").sum()),
        "l2_x": _mean(flipped[prefix + "l2_x"]),
        "l2_z": _mean(flipped[prefix + "l2_z"]),
        "reconstruction_error": _mean(table[prefix + "reconstruction_error"]),
        "median_steps": _median(flipped[prefix + "steps"]),
        "seconds_per_sample": _mean(searched[prefix + "seconds"]),
    }
    if prefix + "ssim" in table:
        summary["ssim"] = _mean(flipped[prefix + "ssim"])
    if prefix + "distance" in table:
        summary["median_distance"] = _median(flipped[prefix + "distance"])
    return summary


def _ratio(part: int, whole: int) -> float:
    return part / whole if whole else float("nan")


def _mean(values: pd.Series) -> float:
    return float(np.mean(values)) if len(values) else float("nan")


def _median(values: pd.Series) -> float:
    return float(np.median(values)) if len(values) else float("nan")
