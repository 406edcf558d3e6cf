"""What models that the search never saw say: oracles, and the nearest real images."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from metrics import votes
from metrics.samples import ALREADY_TARGET, FLIPPED, of_result
from report.figures.plots import GREY, INK, KINDS, canvas, legend_above
from report.overview import results_of
from results.naming import column
from results.reader import Results

#: what is shown beside the results (``KINDS``): originals, and what the chart makes of them before any step
BEFORE = (("source", "source image", GREY), ("reconstruction", "reconstruction", "#c3c9d4"))
MOST_TARGETS = 6  # boxes of more could not be told apart


def oracle_figure(results: Results) -> Figure | None:
    """Bars of the share that each oracle, and all of them, give the target; for values box plots, by target.

    Of all searches: those that flipped and that it agrees with; of originals and reconstructions (where the table
    holds the oracles' verdicts on them) those that it gives the target without a search. The boxes are of flipped
    rows. Source: *Diffeomorphic Counterfactuals*, Fig. 11.
    """
    if not results.class_names:
        return _boxes(results, {o: f"oracle_{o}" for o in results.oracles()}, "oracle's value (dotted: target)")
    said = {kind: _said(results, kind[0]) for kind in (*BEFORE, *KINDS)}
    said = {kind: shares for kind, shares in said.items() if shares}
    return _bars(said) if said else None


def _said(results: Results, kind: str) -> dict[str, float]:
    """Oracle → share of the searched rows that it gives the target."""
    name = "" if kind in ("source", "reconstruction") else kind
    if name not in results.names:
        return {}
    own = of_result(results.table, column(name, ""))
    own = own[own["status"] != ALREADY_TARGET]
    found = votes(own)
    of_counterfactual = found.counterfactual.where(own["status"] == FLIPPED, 0.0)
    said = {"source": found.original, "reconstruction": found.reconstruction}.get(kind, of_counterfactual)
    return {str(oracle): float(share) for oracle, share in said.mean().items()} if len(said) else {}


def _flipped(results: Results, kind: str) -> np.ndarray:
    """Rows that a kind is shown over, N bool; none of a result that the run does not have."""
    if kind not in (*results.names, "source"):
        return np.zeros(len(results.table), dtype=bool)
    return results.flipped("" if kind == "source" else kind)


def _bars(said: Mapping[tuple[str, str, str], dict[str, float]]) -> Figure:
    oracles = list(dict.fromkeys(o for verdicts in said.values() for o in verdicts))
    figure, axes = canvas()
    width = 0.8 / len(said)
    for i, ((_, label, colour), verdicts) in enumerate(said.items()):
        at = np.arange(len(oracles)) + (i - (len(said) - 1) / 2) * width
        shares = [100 * verdicts.get(o, np.nan) for o in oracles]
        bars = axes.bar(at, shares, 0.92 * width, color=colour, label=label)
        axes.bar_label(bars, fmt="%.0f", fontsize=8, color=INK, padding=1)
    axes.set(ylim=(0, 118), yticks=range(0, 101, 25), ylabel="says target, %")
    _ticks(axes, oracles)
    legend_above(figure)
    return figure


def _boxes(results: Results, columns: Mapping[str, str], label: str) -> Figure | None:
    """Box plots over flipped rows: a tick a column (title → name) and target, a box a kind; dotted the target."""
    targets = _by_target(results)
    ticks = {f"{title}\n{t}".strip(): (name, rows) for title, name in columns.items() for t, rows in targets.items()}
    kinds = (*BEFORE[:1], *KINDS)
    parts = {kind: [_finite(results, kind[0], name, rows) for name, rows in ticks.values()] for kind in kinds}
    parts = {kind: values for kind, values in parts.items() if any(len(part) for part in values)}
    if not parts:
        return None
    figure, axes = canvas()
    width = 0.8 / len(parts)
    for i, ((_, title, colour), values) in enumerate(parts.items()):
        at = np.arange(len(ticks)) + (i - (len(parts) - 1) / 2) * width
        drawn = axes.boxplot(
            values,
            positions=at.tolist(),
            widths=0.8 * width,
            patch_artist=True,
            boxprops={"facecolor": colour, "alpha": 0.7, "edgecolor": colour},
            medianprops={"color": INK},
            whiskerprops={"color": GREY},
            capprops={"color": GREY},
            flierprops={"marker": ".", "markersize": 3, "markeredgecolor": GREY},
        )
        drawn["boxes"][0].set_label(title)
    for tick, (_, rows) in enumerate(ticks.values()):
        if len(goal := results.table["target"][rows].unique()) == 1:
            axes.hlines(goal, tick - 0.48, tick + 0.48, color=INK, linewidth=0.8, linestyle=":")
    axes.set_ylabel(label)
    _ticks(axes, list(ticks))
    legend_above(figure)
    return figure


def _by_target(results: Results) -> dict[str, np.ndarray]:
    """What to call a target value → its rows, N bool; all rows where there is one, or more than fit."""
    target = results.table["target"].to_numpy()
    values = np.unique(target)
    if not 1 < len(values) <= MOST_TARGETS:
        return {"": np.ones(len(target), dtype=bool)}
    return {f"r = {value:.4g}": target == value for value in values}


def _finite(results: Results, kind: str, name: str, rows: np.ndarray) -> np.ndarray:
    """The finite values of a kind's column over those of the rows that it flipped."""
    column = results.values(kind, name)
    chosen = np.array([]) if column is None else column.to_numpy()[rows & _flipped(results, kind)]
    return chosen[np.isfinite(chosen)]


def neighbour_figure(results: Results) -> Figure | None:
    """Bars of the mean ``neighbours`` over flipped rows, with the summary's intervals; for values, boxes by target.

    Source: *Diffeomorphic Counterfactuals*, Fig. 13.
    """
    if not results.class_names:
        return _boxes(results, {"": "neighbours"}, "neighbours hold (dotted: target)")
    shown = [(name, label, colour) for name, label, colour in KINDS if (name in results.names)]
    means = [(label, colour, *_mean(results, name)) for name, label, colour in shown]
    known = [bar for bar in means if np.isfinite(bar[2])]
    if not known:
        return None
    figure, axes = canvas()
    for i, (_, colour, mean, interval) in enumerate(known):
        axes.bar(i, 100 * mean, 0.6, color=colour)
        if interval:
            reach = [[100 * (mean - interval[0])], [100 * (interval[1] - mean)]]
            axes.errorbar(i, 100 * mean, np.maximum(reach, 0), color=INK, capsize=4, linewidth=1)
        top = 100 * max(mean, interval[1] if interval else mean)
        axes.annotate(f"{100 * mean:.3g}", (i, top), (0, 4), textcoords="offset points", ha="center", color=INK)
    axes.margins(y=0.15)
    axes.set_ylabel("neighbours of the target class, %")
    _ticks(axes, [label for label, *_ in known])
    return figure


def _mean(results: Results, name: str) -> tuple[float, Sequence[float] | None]:
    """Of ``neighbours``, and its interval where the summary has one."""
    values = results.values(name, "neighbours")
    if values is None or not results.flipped(name).any():
        return float("nan"), None
    numbers = results_of(results.summary).get(name or "counterfactual", {})
    return float(values[results.flipped(name)].mean()), numbers.get("intervals", {}).get("neighbours")


def _ticks(axes: Axes, labels: Sequence[str]) -> None:
    """Few bars must not become walls."""
    axes.set_xticks(range(len(labels)), labels)
    middle, half = (len(labels) - 1) / 2, max(len(labels), 3) / 2
    axes.set_xlim(middle - half, middle + half)
