"""Which published figures of merit the adversarial control wins, over finished explain runs.

python benchmarks/wins.py runs/digits/explain_4_to_9 runs/mnist/explain_4_to_9

A win is one beyond both 95 % intervals. Metrics that no run has are left out.
"""

import json
import math
import sys
from pathlib import Path
from typing import Any

#: key of summary.json → what it is called, and whether more of it is published as better
METRICS = {
    "flip_rate": ("flip rate", True),
    "confidence": ("confidence", True),
    "margin": ("margin", True),
    "oracle_accuracy": ("oracle agreement", True),
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
    "strangeness": ("strangeness", False),
    "tangent_share": ("share in the tangent space", True),
    "median_steps": ("steps", False),
    "seconds_per_sample": ("seconds", False),
}


def main(*folders: str) -> None:
    runs = {f"{f.parent.name}/{f.name}": json.loads((f / "summary.json").read_text()) for f in map(Path, folders)}
    print("| published as better | " + " | ".join(runs) + " |")
    print("|---" * (1 + len(runs)) + "|")
    for key, (name, more) in METRICS.items():
        cells = [verdict(summary, key, more) for summary in runs.values()]
        if any(cells):
            print(f"| {'more' if more else 'less'} {name} | " + " | ".join(cells) + " |")


def verdict(summary: dict[str, Any], key: str, more: bool) -> str:
    """Both values, and who wins."""
    own, control = summary.get(key), summary["control"].get(key)
    if own is None or control is None:
        return ""
    interval, of_control = (s["intervals"].get(key) or [s[key]] * 2 for s in (summary, summary["control"]))
    apart = _above(interval, of_control) if more else _above(of_control, interval)
    against = _above(of_control, interval) if more else _above(interval, of_control)
    winner = "Z" if apart else "**control**" if against else "neither"
    return f"{own:.3g} / {control:.3g}: {winner}"


def _above(interval: list[float | None], other: list[float | None]) -> bool:
    low, high = interval[0], other[1]
    return low is not None and high is not None and not math.isnan(low) and low > high


if __name__ == "__main__":
    main(*sys.argv[1:])
