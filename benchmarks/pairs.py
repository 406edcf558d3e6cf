"""Flip rate and oracle agreement of an explain run, by source and target.

python benchmarks/pairs.py runs/mnist/explain_pairs

Over the images that the predictor gets right. Agreement is over the searches that flipped, in the
chart's coordinates / in the pixel control.
"""

import sys
from pathlib import Path

import pandas as pd


def rates(rows: pd.DataFrame, oracle: str) -> tuple[float, float, float, float]:
    """Flip rate and agreement, of the chart's search and of the control's."""
    found, control = rows["status"] == "flipped", rows["control_status"] == "flipped"
    return (
        found.mean(),
        (rows.loc[found, f"oracle_{oracle}"] == rows.loc[found, "target"]).mean(),
        control.mean(),
        (rows.loc[control, f"control_oracle_{oracle}"] == rows.loc[control, "target"]).mean(),
    )


def main(folder: str) -> None:
    table = pd.read_parquet(Path(folder) / "counterfactuals.parquet")
    table = table[(table["label"] == table["source"]) & (table["status"] != "already_target")]
    oracles = [c.removeprefix("oracle_") for c in table if c.startswith("oracle_")]
    print(f"{len(table)} searches from {table['index'].nunique()} images")
    for oracle in oracles:
        flips, agree, control_flips, control = rates(table, oracle)
        print(f"{oracle}: flips {flips:.1%} / {control_flips:.1%}, agreement {agree:.1%} / {control:.1%}")
    targets = sorted(table["target"].unique())
    if len(targets) == 1:
        return
    for oracle in oracles:
        print(f"\n{oracle}: agreement in % (control)\n\n| from \\ to | " + " | ".join(map(str, targets)) + " |")
        print("|---" * (len(targets) + 1) + "|")
        for source, rows in table.groupby("source"):
            cells = [
                "" if part.empty else f"{100 * agree:.0f} ({100 * control:.0f})"
                for part in (rows[rows["target"] == t] for t in targets)
                for _, agree, _, control in [rates(part, oracle)]
            ]
            print("| " + " | ".join([str(source), *cells]) + " |")


if __name__ == "__main__":
    main(*sys.argv[1:])
