"""What models that the search never saw say: oracles, and the nearest real images."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from callbacks.report.figures import CONTROL, GREY, INK, OWN, canvas, legend_above
from callbacks.report.results import Results

KINDS = (("source", "source image", GREY), ("control", "control", CONTROL), ("", "counterfactual", OWN))


def oracle_figure(results: Results) -> Figure | None:
    """Bars of the share of each oracle that says target; box plots of its values for regression.

    Over the rows that the result flipped; source images (where the table holds the oracles' verdicts
    on them, ``source_oracle_NAME``) over those that the chart's search flipped. Source:
    *Diffeomorphic Counterfactuals*, Fig. 11.
    """
    said = {kind: _said(results, kind[0]) for kind in KINDS}
    said = {kind: verdicts for kind, verdicts in said.items() if verdicts}
    if not said:
        return None
    return _bars(said) if results.class_names else _boxes(said, results.table["target"].to_numpy())


def _said(results: Results, kind: str) -> dict[str, np.ndarray]:
    """Oracle → for classes whether it says target, for values what it says; over flipped rows."""
    if kind not in (*results.names, "source"):
        return {}
    rows = results.flipped("" if kind == "source" else kind)
    target = results.table["target"].to_numpy()[rows]
    verdicts = {o: results.values(kind, f"oracle_{o}") for o in results.oracles()}
    found = {o: v.to_numpy()[rows] for o, v in verdicts.items() if v is not None and rows.any()}
    return {o: v == target if results.class_names else v[np.isfinite(v)] for o, v in found.items()}


def _bars(said: Mapping[tuple[str, str, str], dict[str, np.ndarray]]) -> Figure:
    oracles = list(dict.fromkeys(o for verdicts in said.values() for o in verdicts))
    figure, axes = canvas()
    width = 0.8 / len(said)
    for i, ((_, label, colour), verdicts) in enumerate(said.items()):
        at = np.arange(len(oracles)) + (i - (len(said) - 1) / 2) * width
        shares = [100 * float(verdicts[o].mean()) if o in verdicts else np.nan for o in oracles]
        bars = axes.bar(at, shares, 0.92 * width, color=colour, label=label)
        axes.bar_label(bars, fmt="%.0f", fontsize=8, color=INK, padding=1)
    axes.set(ylim=(0, 118), yticks=range(0, 101, 25), ylabel="says target, %")
    _ticks(axes, oracles)
    legend_above(figure)
    return figure


def _boxes(said: Mapping[tuple[str, str, str], dict[str, np.ndarray]], target: np.ndarray) -> Figure:
    oracles = list(dict.fromkeys(o for verdicts in said.values() for o in verdicts))
    figure, axes = canvas()
    width = 0.8 / len(said)
    for i, ((_, label, colour), verdicts) in enumerate(said.items()):
        at = np.arange(len(oracles)) + (i - (len(said) - 1) / 2) * width
        drawn = axes.boxplot(
            [verdicts.get(o, np.array([])) for o in oracles],
            positions=at.tolist(),
            widths=0.8 * width,
            patch_artist=True,
            boxprops={"facecolor": colour, "alpha": 0.7, "edgecolor": colour},
            medianprops={"color": INK},
            whiskerprops={"color": GREY},
            capprops={"color": GREY},
            flierprops={"marker": ".", "markersize": 3, "markeredgecolor": GREY},
        )
        drawn["boxes"][0].set_label(label)
    for value in np.unique(target)[:3]:  # one goal, or one for each direction; more would only be a grid
        axes.axhline(value, color=INK, linewidth=0.8, linestyle=":")
    axes.set_ylabel("oracle's value (dotted: target)")
    _ticks(axes, oracles)
    legend_above(figure)
    return figure


def neighbour_figure(results: Results) -> Figure | None:
    """Bars of the mean ``neighbours`` over flipped rows, with the summary's intervals.

    Source: *Diffeomorphic Counterfactuals*, Fig. 13.
    """
    shown = [(name, label, colour) for name, label, colour in KINDS if (name in results.names)]
    means = [(label, colour, *_mean(results, name)) for name, label, colour in shown]
    known = [bar for bar in means if np.isfinite(bar[2])]
    if not known:
        return None
    scale = 100 if results.class_names else 1
    figure, axes = canvas()
    for i, (_, colour, mean, interval) in enumerate(known):
        axes.bar(i, scale * mean, 0.6, color=colour)
        if interval:
            reach = [[scale * (mean - interval[0])], [scale * (interval[1] - mean)]]
            axes.errorbar(i, scale * mean, np.maximum(reach, 0), color=INK, capsize=4, linewidth=1)
        top = scale * max(mean, interval[1] if interval else mean)
        axes.annotate(f"{scale * mean:.3g}", (i, top), (0, 4), textcoords="offset points", ha="center", color=INK)
    axes.margins(y=0.15)
    axes.set_ylabel("neighbours of the target class, %" if results.class_names else "neighbours' mean value")
    _ticks(axes, [label for label, *_ in known])
    return figure


def _mean(results: Results, name: str) -> tuple[float, Sequence[float] | None]:
    """Of ``neighbours``, and its interval where the summary has one."""
    values = results.values(name, "neighbours")
    if values is None or not results.flipped(name).any():
        return float("nan"), None
    numbers = results.summary if not name else results.summary.get(name, {})
    return float(values[results.flipped(name)].mean()), numbers.get("intervals", {}).get("neighbours")


def _ticks(axes: Axes, labels: Sequence[str]) -> None:
    """Few bars must not become walls."""
    axes.set_xticks(range(len(labels)), labels)
    middle, half = (len(labels) - 1) / 2, max(len(labels), 3) / 2
    axes.set_xlim(middle - half, middle + half)
