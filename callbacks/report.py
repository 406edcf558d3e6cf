"""The report at the end of an explain run, and its table on the terminal."""

from pathlib import Path
from typing import Any

import pandas as pd
from pytorch_lightning import Callback, LightningModule, Trainer

from lightning_modules.counterfactual import shows_progress
from networks.checks import whole
from networks.errors import InputError
from report.answer.headline import headlines
from report.answer.sentence import answer
from report.numbers import SummaryRow, summary_rows
from report.overview import results_of
from report.page import MAX_CARDS, write_report
from results.naming import column
from results.reader import Results


class Report(Callback):
    """Builds ``report.html`` from the results folder; prints the answer, five numbers, and all others by group.

    It must come after ``ResultWriter``; ``explain.py`` sees to that.

    Args:
        max_cards: rows shown in the gallery, the first ones; the table, the numbers and the figures hold all.
    """

    def __init__(self, max_cards: int = MAX_CARDS) -> None:
        InputError.collect(whole(0, max_cards=max_cards))
        self.max_cards = max_cards

    def on_predict_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if trainer.is_global_zero:
            folder = Path(trainer.default_root_dir)
            results = Results(folder, trainer.datamodule.class_names)  # type: ignore[attr-defined]
            report = write_report(results, self.max_cards, shows_progress(trainer))
            summary = results.summary
            words = answer(results).text
            print("", words, "", headline_table(summary), terminal_table(summary), sep="\n")
            print("".join(f"{line}\n" for line in [*failures(results.table, summary), *missing(summary)]), end="")
            cost = summary["provenance"]["cost"].values()
            print(f"results: {folder.resolve()}\nreport:  {report.resolve()}\ntook:    {', '.join(cost)}")


def failures(table: pd.DataFrame, summary: dict[str, Any]) -> list[str]:
    """For each result a line on the searches that failed, and why the first of them did; none where none has."""
    lines = []
    for label, name in zip(results_of(summary), ["", *summary.get("others", {}), "control"], strict=False):
        failed = table[table[column(name, "status")] == "failed"] if column(name, "status") in table else table[:0]
        if len(failed):
            reason = failed[column(name, "reason")].iloc[0]
            lines.append(f"failed, of {label}: {len(failed)} of {len(table)} searches, the first because {reason}")
    return lines


def missing(summary: dict[str, Any]) -> list[str]:
    """For each result a line on the measures that are missing for some of its rows; none where all are there."""
    return [
        f"not finite, and left out of {name}: "
        + ", ".join(f"{measure} of {n} flipped rows" for measure, n in numbers["not_finite"].items())
        for name, numbers in results_of(summary).items()
        if numbers.get("not_finite")
    ]


def terminal_table(summary: dict[str, Any]) -> str:
    """All numbers of the summary as aligned text, by what they are about."""
    head = ["", *results_of(summary)]
    groups = {group: [[f"  {r.label}", *r.values] for r in rows] for group, rows in _by_group(summary).items()}
    every = [head, *(row for rows in groups.values() for row in rows)]
    widths = [max(len(row[i]) for row in every) for i in range(len(head))]

    def line(row: list[str]) -> str:
        return "  ".join([f"{row[0]:<{widths[0]}}", *(f"{v:>{w}}" for v, w in zip(row[1:], widths[1:], strict=True))])

    lines = [text for group, rows in groups.items() for text in ("", group, *map(line, rows))]
    return "\n".join(["", line(head), *lines[1:], ""])


def _by_group(summary: dict[str, Any]) -> dict[str, list[SummaryRow]]:
    rows = summary_rows(summary)
    return {group: [row for row in rows if row.group == group] for group in dict.fromkeys(row.group for row in rows)}


def headline_table(summary: dict[str, Any]) -> str:
    """The five numbers that come first, with their 95 % intervals, the control's beside them."""
    rows = [
        [h.label, *(f"{n.text} ({n.interval})" if n.interval else n.text for n in h.numbers), h.says]
        for h in headlines(summary)
    ]
    results = [*results_of(summary)]
    head = ["", results[0], *["control"] * ("control" in results), ""]
    widths = [max(len(row[i]) for row in [head, *rows]) for i in range(len(head))]
    return "\n".join("  ".join(f"{v:<{w}}" for v, w in zip(row, widths, strict=True)).rstrip() for row in [head, *rows])
