"""Finished explain runs on several charts, a row each, with the control that was matched to it.

python -m benchmarks.papers.charts runs/mnist/explain_4_to_9 runs/mnist/explain_vae …
"""

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

# column: key in summary.json, how it is written, and whether the control's stands behind it
COLUMNS: dict[str, tuple[str, str, bool]] = {
    "flips": ("flip_rate", ".1%", False),
    "SVM": ("oracle_accuracy_searched/svm", ".1%", True),
    "second CNN": ("oracle_accuracy_searched/cnn", ".1%", True),
    "all oracles": ("oracle_accuracy_searched/all", ".1%", True),
    "on the manifold": ("on_manifold", ".1%", True),
    "neighbours": ("neighbours", ".2f", True),
    "IM1": ("im1", ".2f", True),
    "FID": ("fid", ".2f", True),
    "L2 in X": ("l2_x", ".2f", True),
    "L1 in X": ("l1_x", ".1f", True),
    "SSIM": ("ssim", ".3f", True),
    "error of x": ("reconstruction_error", ".1e", False),
    "margin": ("logit_margin", ".1f", False),
    "seconds": ("seconds_per_sample", ".2f", False),
}


def main(arguments: Sequence[str] | None = None) -> None:
    folders = list(map(Path, sys.argv[1:] if arguments is None else arguments))
    summaries = {folder.name: json.loads((folder / "summary.json").read_text()) for folder in folders}
    columns = {name: c for name, c in COLUMNS.items() if any(c[0] in s for s in summaries.values())}
    print(f"| (control) | n | {' | '.join(columns)} |\n{'|---' * (len(columns) + 2)}|")
    for name, summary in summaries.items():
        print(f"| {name} | {summary['n']} | {' | '.join(cell(summary, *column) for column in columns.values())} |")


def cell(summary: dict[str, Any], key: str, form: str, beside: bool) -> str:
    own, other = (of.get(key) for of in (summary, summary.get("control") or {}))
    if own is None:
        return "–"
    return f"{own:{form}} ({other:{form}})" if beside and other is not None else f"{own:{form}}"


if __name__ == "__main__":
    main()
