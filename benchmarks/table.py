"""The summaries of finished explain runs as Markdown, all results side by side, with intervals and numbers of rows.

python -m benchmarks.table runs/mnist/compare
python -m benchmarks.table runs/mnist/explain_4_to_9 runs/mnist/explain_vae   # several charts; one run's control
"""

import json
import sys
from pathlib import Path
from typing import Any

from report.figures.values import value_table
from report.numbers import summary_rows
from report.overview import results_of


def joined(folders: list[Path]) -> dict[str, Any]:
    """One summary in which every run's results stand beside the first one's, under the folders' names."""
    summaries = [json.loads((folder / "summary.json").read_text()) for folder in folders]
    first, *others = summaries
    for folder, summary in zip(folders[1:], others, strict=True):
        results = results_of(summary)
        named = {
            (folder.name if name == next(iter(results)) else f"{folder.name} {name}"): r for name, r in results.items()
        }
        first["others"] = first.get("others", {}) | {n: r for n, r in named.items() if not n.endswith(" control")}
    return first


def _cell(value: str, interval: str, rows: str) -> str:
    """A value with its 95 % interval, and how many rows it is of."""
    notes = ", ".join(filter(None, (interval, rows)))
    return f"{value} ({notes})" if notes and value != "–" else value


def main(*folders: str) -> None:
    summary = joined([Path(folder) for folder in folders])
    names = list(results_of(summary))
    print(f"| n = {summary['n']} | " + " | ".join(names) + " |")
    print("|---" * (1 + len(names)) + "|")
    all_of_them = f"n = {summary['n']:,}"
    for row in summary_rows(summary):
        print(
            f"| {row.label} | "
            + " | ".join(map(_cell, row.values, row.intervals, ["" if n == all_of_them else n for n in row.rows]))
            + " |"
        )
    colours = [numbers.get("certificate") for numbers in results_of(summary).values()]
    header, values = value_table(summary)
    if any(colours):
        print("| green / amber / red | " + " | ".join(" / ".join(map(str, c.values())) for c in colours if c) + " |")
    if values:
        print("\n| " + " | ".join(header) + " |\n" + "|---" * len(header) + "|")
        for cells in values:
            print("| " + " | ".join(cells) + " |")


if __name__ == "__main__":
    main(*sys.argv[1:])
