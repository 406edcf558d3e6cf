"""The report's figures, as inline SVG that follows the page's colours."""

import io
from collections.abc import Sequence

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

OWN, CONTROL = "#0f766e", "#c2410c"
GREY = "#8a94a6"  # readable on white and on black


def steps_histogram(own: np.ndarray, control: np.ndarray | None) -> str:
    """Steps to the first hit, of the counterfactuals and of the control."""
    figure, axes = _canvas()
    series = [("counterfactual", own, OWN)] + ([("control", control, CONTROL)] if control is not None else [])
    longest = max((max(s) for _, s, _ in series if len(s)), default=1)
    bins = np.unique(np.round(np.geomspace(1, max(longest, 2) + 1, 40)).astype(int))
    for label, steps, colour in series:
        axes.hist(np.maximum(steps, 1), bins=bins.tolist(), color=colour, alpha=0.65, label=label)
    axes.set(xscale="log", xlabel="steps to the first hit", ylabel="searches")
    axes.legend(frameon=False, labelcolor=GREY)
    return _svg(figure)


def spectrum_plot(sigma: Sequence[float]) -> str:
    """Mean sorted singular values of ∂g/∂z."""
    figure, axes = _canvas()
    axes.plot(range(1, len(sigma) + 1), sigma, color=OWN, marker="o" if len(sigma) <= 64 else "", markersize=3)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set(yscale="log", xlabel="i", ylabel="mean singular value σᵢ")
    return _svg(figure)


def _canvas() -> tuple[Figure, Axes]:
    figure = Figure(figsize=(5.2, 3.0), layout="constrained")
    figure.patch.set_alpha(0)
    axes = figure.add_subplot()
    axes.patch.set_alpha(0)
    for spine in axes.spines.values():
        spine.set_color(GREY)
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(colors=GREY, which="both")
    axes.xaxis.label.set_color(GREY)
    axes.yaxis.label.set_color(GREY)
    return figure, axes


def _svg(figure: Figure) -> str:
    buffer = io.StringIO()
    with mpl.rc_context({"svg.fonttype": "path", "svg.hashsalt": "onmanifold"}):
        figure.savefig(buffer, format="svg", metadata={"Date": None})
    text = buffer.getvalue()
    return text[text.index("<svg") :]  # without the XML header, which has no place inside HTML
