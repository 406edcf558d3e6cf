"""The summary of a finished explain run as Markdown, all results side by side.

python -m benchmarks.table runs/mnist/compare
"""

import json
import sys
from pathlib import Path

from callbacks.report.page import results_of, summary_rows


def main(folder: str) -> None:
    summary = json.loads(Path(folder, "summary.json").read_text())
    names = list(results_of(summary))
    print(f"| n = {summary['n']} | " + " | ".join(names) + " |")
    print("|---" * (1 + len(names)) + "|")
    for row in summary_rows(summary):
        print(f"| {row.label} | " + " | ".join(row.values) + " |")
    colours = [numbers.get("certificate") for numbers in results_of(summary).values()]
    if any(colours):
        print("| green / amber / red | " + " | ".join(" / ".join(map(str, c.values())) for c in colours if c) + " |")


if __name__ == "__main__":
    main(*sys.argv[1:])
