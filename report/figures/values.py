"""Searches for values: what each target came to, and where an image has several, a dose–response curve."""

from itertools import cycle
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from report.figures.plots import INK, KINDS, OWN, canvas, legend_above
from report.overview import results_of
from results.naming import CONTROLS, column
from results.reader import Results

ROWS = 8
COLOURS = ("#1d4ed8", "#a16207", "#7c3aed")


def values_by_target(summary: dict[str, Any]) -> list[dict[str, Any]]:
    """The rows of every result's ``values`` under one another, with the result's name; none for classes."""
    results = results_of(summary)
    return [{"result": name, **row} for name, numbers in results.items() for row in numbers.get("values", [])]


def value_table(summary: dict[str, Any]) -> tuple[list[str], list[list[str]]]:
    """Header and rows of every result's ``values``: Fig. 11 and 13 of Dombrowski et al. in numbers; not for classes."""
    found = values_by_target(summary)
    oracles = [key.removeprefix("oracle_") for key in (found[0] if found else {}) if key.startswith("oracle_")]
    header = ["result", "target", "searches", "reached", "label of x", "model"]
    header += [f"oracle {oracle}" for oracle in oracles] + ["neighbours of x′"]
    rows = []
    for row in found:
        ways = [_way(row.get("source"), row.get("prediction"))]
        ways += [_way(row.get(f"source_oracle_{o}"), row.get(f"oracle_{o}")) for o in oracles]
        start = [row["result"], f"{row['target']:g}", str(row["n"]), str(row["reached"]), _number(row.get("label"))]
        rows.append([*start, *ways, _number(row.get("neighbours"))])
    return header, rows


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.2f}"


def _way(before: float | None, after: float | None) -> str:
    return f"{_number(before)} → {_number(after)}"


def dose_strips(results: Results) -> Figure | None:
    """A row an image: x, and x′ for every value that was asked for, with what the model and the first oracle say."""
    doses = _doses(results)
    if doses is None or not results.images:
        return None
    table, targets = results.table, sorted(doses)
    chosen = table["index"].drop_duplicates().tolist()[:ROWS]
    last = int(np.flatnonzero(table["index"].isin(chosen))[-1]) + 1
    x, own = (results.part(name, 0, last) for name in ("x", "counterfactual"))
    oracle = next(iter(results.oracles()), None)
    figure = Figure(figsize=(0.95 * (1 + len(targets)), 1.2 * len(chosen) + 0.2), layout="constrained")
    grid = figure.subplots(len(chosen), 1 + len(targets), squeeze=False)
    for axes, index in zip(grid, chosen, strict=True):
        rows = table.index[table["index"] == index]
        first = rows[0]
        before, after = table.get(f"source_oracle_{oracle}"), table.get(f"oracle_{oracle}")
        pictures = [(x[first], _note("x", table["source"][first], before, first))]
        pictures += [
            (own[row], _note(f"r = {table['target'][row]:g}", table["prediction"][row], after, row))
            for row in table.loc[rows].sort_values("target").index
        ]
        for ax in axes:
            ax.set_axis_off()
        for ax, (image, note) in zip(axes, pictures, strict=False):
            ax.imshow((image[0] if len(image) == 1 else image.permute(1, 2, 0)).numpy(), cmap="gray", vmin=0, vmax=1)
            ax.set_title(note, fontsize=6, pad=2)
    return figure


def dose_curve(results: Results) -> Figure | None:
    """Mean value of x′ by the value asked for: the model's, every oracle's, and the first oracle's for controls."""
    doses = _doses(results)
    if doses is None:
        return None
    lines = {"model": ("prediction", OWN)}
    for oracle, colour in zip(results.oracles(), cycle(COLOURS)):
        lines[oracle] = (f"oracle_{oracle}", colour)
    for name, title, colour in KINDS:
        if name in results.names and name in CONTROLS and results.oracles():
            first = results.oracles()[0]
            lines[f"{first}, {title}"] = (column(name, f"oracle_{first}"), colour)
    figure, axes = canvas()
    axes.plot(sorted(doses), sorted(doses), color=INK, linewidth=0.8, linestyle=":")
    for name, (values, colour) in lines.items():
        means = results.table.groupby("target")[values].mean()
        axes.plot(means.index, means, marker="o", markersize=4, color=colour, label=name)
    axes.set(xlabel="value asked for (dotted: reached)", ylabel="mean value of x′")
    legend_above(figure)
    return figure


def _doses(results: Results) -> list[float] | None:
    """The values that were asked for, where there are several for an image."""
    several = results.table["number"].max() > 0
    return results.table["target"].unique().tolist() if not results.class_names and several else None


def _note(what: str, model: float, oracle: pd.Series | None, row: int) -> str:
    return f"{what}\n{model:z.1f}" + ("" if oracle is None else f" ({oracle[row]:z.1f})")
