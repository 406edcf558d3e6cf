"""Flip rate and oracle agreement of an explain run, by source and target.

python -m benchmarks.pairs runs/mnist/explain_pairs

Over the images that the predictor gets right. Agreement is over all searches, of those that flipped and that the
oracle gives the target, too: in the chart's coordinates / in the controls; beside it, what the oracle says of the
originals, and what is gained over that, with 95 % intervals.
"""

import sys
from pathlib import Path
from typing import Any

import pandas as pd

from metrics import summarize
from metrics.samples import ALREADY_TARGET
from results.naming import CONTROLS, column


def numbers(rows: pd.DataFrame) -> list[dict[str, Any]]:
    """The chart's summary and those of the controls that the table has."""
    there = ["", *(name for name in CONTROLS if column(name, "status") in rows)]
    return [summarize(rows, column(name, "")) for name in there]


def gain(summary: dict[str, Any], oracle: str) -> str:
    """With its interval, in points."""
    low, high = summary["intervals"][f"oracle_gain/{oracle}"]
    return f"{100 * summary[f'oracle_gain/{oracle}']:+.1f} ({100 * low:+.0f} to {100 * high:+.0f})"


def main(folder: str) -> None:
    table = pd.read_parquet(Path(folder) / "counterfactuals.parquet")
    table = table[(table["label"] == table["source"]) & (table["status"] != ALREADY_TARGET)]
    results = numbers(table)
    oracles = [key.partition("/")[2] for key in results[0] if key.startswith("oracle_gain/")]
    print(f"{len(table)} searches from {table['index'].nunique()} images; chart / controls")
    print("flips " + " / ".join(f"{r['flip_rate']:.1%}" for r in results))
    for oracle in oracles:
        agreement = " / ".join(f"{r[f'oracle_accuracy_searched/{oracle}']:.1%}" for r in results)
        print(f"{oracle}: agreement {agreement}, of the originals {results[0][f'oracle_base/{oracle}']:.1%}")
        print(f"{oracle}: gain " + " / ".join(gain(r, oracle) for r in results))
    targets = sorted(table["target"].unique())
    if len(targets) == 1:
        return
    for oracle in oracles:
        print(f"\n{oracle}: gain in points (controls)\n\n| from \\ to | " + " | ".join(map(str, targets)) + " |")
        print("|---" * (len(targets) + 1) + "|")
        for source, rows in table.groupby("source"):
            cells = [_cell(rows[rows["target"] == target], oracle) for target in targets]
            print("| " + " | ".join([str(source), *cells]) + " |")


def _cell(rows: pd.DataFrame, oracle: str) -> str:
    if rows.empty:
        return ""
    own, *controls = (f"{100 * r[f'oracle_gain/{oracle}']:.0f}" for r in numbers(rows))
    return f"{own} ({', '.join(controls)})" if controls else own


if __name__ == "__main__":
    main(*sys.argv[1:])
