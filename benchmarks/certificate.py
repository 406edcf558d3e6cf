"""How often the certificate calls real samples, counterfactuals and adversarial images off the manifold.

python benchmarks/certificate.py runs/helix/explain runs/mnist/explain_4_to_9

Of finished explain runs with ``callbacks.OnManifold``. Where the true distance to the manifold is known, its rank
correlation with the certificate's score follows.
"""

import json
import sys
from pathlib import Path

import pandas as pd
from scipy.stats import spearmanr


def main(*folders: str) -> None:
    print("| run | real, held out | counterfactuals | control | green / amber / red | control's | Spearman |")
    print("|---" * 7 + "|")
    for folder in map(Path, folders):
        summary = json.loads((folder / "summary.json").read_text())
        table = pd.read_parquet(folder / "counterfactuals.parquet")
        off, control_off = (off_manifold(table, prefix, summary) for prefix in ("", "control_"))
        colours, control_colours = (
            " / ".join(str(n) for n in numbers["certificate"].values()) for numbers in (summary, summary["control"])
        )
        print(
            f"| {folder.parent.name}/{folder.name} | {summary['originals_off_manifold']:.1%} | {off:.1%} "
            f"| {control_off:.1%} | {colours} | {control_colours} | {correlation(table)} |"
        )


def off_manifold(table: pd.DataFrame, prefix: str, summary: dict) -> float:
    """Share of the flipped with a p-value that is called off the manifold."""
    p = table.loc[table[f"{prefix}status"] == "flipped", f"{prefix}p_manifold"]
    return float((p <= summary["thresholds"]["off_manifold"]).mean())


def correlation(table: pd.DataFrame) -> str:
    if "distance" not in table:
        return ""
    distance = pd.concat([table["distance"], table["control_distance"]])
    nonconformity = pd.concat([table["nonconformity"], table["control_nonconformity"]])
    return f"{spearmanr(distance, nonconformity).statistic:.3f}"


if __name__ == "__main__":
    main(*sys.argv[1:])
