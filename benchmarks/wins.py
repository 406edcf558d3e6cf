"""Which published figures of merit an adversarial control wins, over finished explain runs.

python -m benchmarks.wins runs/digits/explain_4_to_9 runs/mnist/explain_4_to_9

A column a run and control: both values, and who wins. What every row has is compared row by row, since both searches
began at the same images: a win is a difference whose 95 % interval leaves out zero, over the rows that both have (in
most measures those that both flipped). Of the distances of whole sets, such as FID, it is one beyond both intervals.
Metrics that no run has are left out.
"""

import json
import math
import sys
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from metrics.intervals import Interval, difference_interval, mean_interval, median_interval
from metrics.samples import Samples, samples
from report.overview import results_of
from results.naming import CONTROLS, column

#: key of summary.json → what it is called, and whether more of it is published as better
METRICS = {
    "flip_rate": ("flip rate", True),
    "confidence": ("confidence", True),
    "margin": ("margin", True),
    "oracle_accuracy": ("oracle agreement", True),
    "oracle_accuracy_searched": ("oracle agreement, of all searches", True),
    "oracle_accuracy_searched/all": ("agreement of all oracles, of all searches", True),
    "neighbours": ("neighbours of the target class", True),
    "im1": ("IM1", False),
    "im2": ("IM2", False),
    "fid": ("FID", False),
    "kid": ("KID", False),
    "spatial_fid": ("spatial FID", False),
    "l1_x": ("L1 in X", False),
    "l2_x": ("L2 in X", False),
    "l2_z": ("L2 in Z", False),
    "feature_distance": ("feature distance", False),
    "ssim": ("SSIM", True),
    "changed": ("changed pixels", False),
    "cout": ("COUT", True),
    "log_q": ("percentile of log q", True),
    "nonconformity": ("nonconformity", False),
    "tangent_share": ("share in the tangent space", True),
    "median_steps": ("steps", False),
    "seconds_per_sample": ("seconds", False),
}


class Compared(NamedTuple):
    """A run and one of its controls."""

    name: str
    summary: dict[str, Any]
    control: dict[str, Any]
    samples: Samples
    of_control: Samples
    images: pd.Series


def compared(folder: Path) -> list[Compared]:
    """A run with each of its controls."""
    summary = json.loads((folder / "summary.json").read_text())
    table = pd.read_parquet(folder / "counterfactuals.parquet")
    run, results, own = f"{folder.parent.name}/{folder.name}", results_of(summary), samples(table)
    return [
        Compared(f"{run}: {name}", summary, results[name], own, samples(table, column(name, "")), table["index"])
        for name in CONTROLS
        if name in results
    ]


def main(*folders: str) -> None:
    pairs = [pair for folder in folders for pair in compared(Path(folder))]
    print("| published as better | " + " | ".join(pair.name for pair in pairs) + " |")
    print("|---" * (1 + len(pairs)) + "|")
    for key, (name, more) in METRICS.items():
        cells = [verdict(pair, key, more) for pair in pairs]
        if any(cells):
            print(f"| {'more' if more else 'less'} {name} | " + " | ".join(cells) + " |")


def verdict(pair: Compared, key: str, more: bool) -> str:
    """Both values, and who wins."""
    own, control = pair.summary.get(key), pair.control.get(key)
    if own is None or control is None:
        return ""
    low, high = difference(pair, key) or _between_sets(pair, key)
    low, high = (low, high) if more else (-high, -low)
    winner = "Z" if low > 0 else "**control**" if high < 0 else "neither"
    return f"{own:.3g} / {control:.3g}: {winner}"


def difference(pair: Compared, key: str) -> Interval | None:
    """Of the run's value less the control's, row by row; ``None`` where rows have none."""
    full = next((k for k in (key, f"{key}/{pair.summary.get('oracle')}") if _kind(pair.samples, k)), key)
    kind = _kind(pair.samples, full)
    if kind is None or full not in getattr(pair.of_control, kind):
        return None
    both = pd.concat([getattr(s, kind)[full] for s in (pair.samples, pair.of_control)], axis=1).dropna().astype(float)
    a, b, images = both.iloc[:, 0], both.iloc[:, 1], pair.images[both.index]
    if kind == "shares" and np.isin(both, (0, 1)).all():
        return difference_interval(a, b, images)
    return (median_interval if kind == "medians" else mean_interval)(a - b, images)


def _kind(of: Samples, key: str) -> str | None:
    return next((kind for kind in ("shares", "means", "medians") if key in getattr(of, kind)), None)


def _between_sets(pair: Compared, key: str) -> Interval:
    """From the one's lower bound to the other's upper one, and back: both are positive where they lie apart."""
    bounds = [s.get("intervals", {}).get(key) or (math.nan, math.nan) for s in (pair.summary, pair.control)]
    (low, high), (low_control, high_control) = [[math.nan if b is None else b for b in two] for two in bounds]
    return low - high_control, high - low_control


if __name__ == "__main__":
    main(*sys.argv[1:])
