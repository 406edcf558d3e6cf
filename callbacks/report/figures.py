"""The report's figures, as inline SVG that follows the page's colours."""

import io
from collections.abc import Sequence

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from torch import Tensor

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


def spectrum_plot(index: Sequence[int], sigma: Sequence[float]) -> str:
    """Mean sorted singular values σᵢ of ∂g/∂z; ``index`` tells which i are known."""
    figure, axes = _canvas()
    whole = len(index) == index[-1]
    marker = "" if whole and len(sigma) > 64 else "o"
    axes.plot(index, sigma, color=OWN, linestyle="-" if whole else "", marker=marker, markersize=3)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set(yscale="log", xlabel="i", ylabel="mean singular value σᵢ")
    return _svg(figure)


def examples(
    columns: Sequence[tuple[str, Tensor, bool]], titles: Sequence[str], scale: float, per_row: int = 3
) -> Figure:
    """Searches as strips of pictures, ``per_row`` side by side.

    Args:
        columns: name, images N×C×H×W, and whether they are signed changes (shown in colour, up to ``scale``).
        titles: what each of the N strips is.
    """
    n, width = len(titles), len(columns)
    lines = -(-n // per_row)
    figure = Figure(figsize=(0.8 * width * per_row + 0.2, 1.1 * lines + 0.3), layout="constrained")
    blocks = figure.subfigures(lines, per_row, squeeze=False).ravel()
    for i, block in enumerate(blocks[:n]):
        block.suptitle(titles[i], fontsize=8)
        for axes, (name, images, signed) in zip(block.subplots(1, width, squeeze=False)[0], columns, strict=True):
            image = images[i].mean(0) if signed or images.shape[1] == 1 else images[i].permute(1, 2, 0)
            limits = (
                {"cmap": "RdBu_r", "vmin": -scale, "vmax": scale} if signed else {"cmap": "gray", "vmin": 0, "vmax": 1}
            )
            axes.imshow(image.clamp(-1, 1).numpy(), interpolation="nearest", **limits)
            axes.set_title(name, fontsize=6, pad=2)
            axes.set_axis_off()
    return figure


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
