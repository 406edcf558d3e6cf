"""Figures of a run: inline SVG that follows the page's colours, PNG and PDF for papers."""

import io
from collections.abc import Mapping, Sequence
from pathlib import Path

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.text import Text
from matplotlib.ticker import MaxNLocator
from torch import Tensor

from networks.files import write_atomically

OWN, CONTROL, PAPER_CONTROL = "#0f766e", "#c2410c", "#e2a15f"
GREY = "#8a94a6"  # readable on white and on black
WIDEST_ENTRY = 1.7  # inches that a legend's entry may take
INK = "#18202c"  # becomes the page's own text colour in SVG


#: results that figures compare: name, title, colour
KINDS = (
    ("paper_control", "paper control", PAPER_CONTROL),
    ("control", "control", CONTROL),
    ("", "counterfactual", OWN),
)


def steps_histogram(series: Mapping[str, np.ndarray]) -> Figure:
    """Steps to the first hit of several results, by their names (see ``KINDS``)."""
    figure, axes = canvas()
    longest = max((max(steps) for steps in series.values() if len(steps)), default=1)
    bins = np.unique(np.round(np.geomspace(1, max(longest, 2) + 1, 40)).astype(int))
    for label, steps, colour in [(title, series[name], colour) for name, title, colour in KINDS if name in series]:
        axes.hist(np.maximum(steps, 1), bins=bins.tolist(), color=colour, alpha=0.65, label=label)
    axes.set(xscale="log", xlabel="steps to the first hit", ylabel="searches")
    legend(axes)
    return figure


def spectrum_plot(index: Sequence[int], sigma: Sequence[float]) -> Figure:
    """Mean sorted singular values σᵢ of ∂g/∂z; ``index`` tells which i are known."""
    figure, axes = canvas()
    whole = len(index) == index[-1]
    marker = "" if whole and len(sigma) > 64 else "o"
    axes.plot(index, sigma, color=OWN, linestyle="-" if whole else "", marker=marker, markersize=3)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set(yscale="log", xlabel="i", ylabel="mean singular value σᵢ")
    return figure


def examples(
    columns: Sequence[tuple[str, Tensor, bool]], titles: Sequence[str], scale: float, per_row: int = 3
) -> Figure:
    """Searches as strips of pictures, ``per_row`` side by side (*Diffeomorphic Counterfactuals*, Fig. 8).

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


def canvas(rows: int = 1, columns: int = 1, size: tuple[float, float] = (5.2, 3.0)) -> tuple[Figure, Axes]:
    """A figure with quiet axes; ``figure.axes`` holds all of them, row by row."""
    figure = Figure(figsize=size, layout="constrained")
    figure.subplots(rows, columns)
    for axes in figure.axes:
        for spine in axes.spines.values():
            spine.set_color(GREY)
        axes.spines[["top", "right"]].set_visible(False)
        axes.tick_params(color=GREY, labelcolor=INK, which="both", labelsize=9)
        axes.title.set_color(INK)
        axes.xaxis.label.set_color(INK)
        axes.yaxis.label.set_color(INK)
    return figure, figure.axes[0]


def legend(axes: Axes) -> None:
    axes.legend(frameon=False, labelcolor=INK, fontsize=9)


def legend_above(figure: Figure) -> None:
    """One legend for all axes, each label once."""
    entries = [pair for axes in figure.axes for pair in zip(*axes.get_legend_handles_labels(), strict=True)]
    handles = {label: handle for handle, label in entries}
    figure.legend(
        handles.values(),
        handles.keys(),
        loc="outside upper left",
        ncols=max(1, min(len(handles), int(figure.get_figwidth() / WIDEST_ENTRY))),
        frameon=False,
        labelcolor=INK,
        fontsize=9,
    )


def inline_svg(figure: Figure) -> str:
    """For an HTML page: transparent, text in the page's own colour."""
    _tight_layout(figure)
    buffer = io.StringIO()
    with mpl.rc_context({"svg.fonttype": "path", "svg.hashsalt": "onmanifold"}):
        figure.savefig(buffer, format="svg", transparent=True, metadata={"Date": None})
    text = buffer.getvalue()
    return text[text.index("<svg") :].replace(INK, "currentColor")  # without the XML header: no place inside HTML


def save(figure: Figure, folder: Path, name: str, dpi: int = 130) -> None:
    """``name.png`` and ``name.pdf``; the same figure gives the same bytes whenever it is saved."""
    folder.mkdir(exist_ok=True)
    _tight_layout(figure)
    png, pdf = io.BytesIO(), io.BytesIO()  # on a full disk matplotlib's own writing ends in another error
    figure.savefig(png, format="png", dpi=dpi)
    with mpl.rc_context({"pdf.fonttype": 42}):
        figure.savefig(pdf, format="pdf", metadata={"CreationDate": None})
    write_atomically(folder / f"{name}.png", lambda file: file.write_bytes(png.getvalue()))
    write_atomically(folder / f"{name}.pdf", lambda file: file.write_bytes(pdf.getvalue()))


def _tight_layout(figure: Figure) -> None:
    """Once, instead of twice for every format."""
    _take_literally(figure)
    if (engine := figure.get_layout_engine()) is not None:
        engine.execute(figure)
        figure.set_layout_engine("none")


def _take_literally(figure: Figure) -> None:
    """Names may hold dollar signs, which matplotlib takes for formulas; it writes but powers on logarithmic axes so."""
    axes = [axis for axes in figure.axes for axis in (axes.xaxis, axes.yaxis)]
    powers = {id(label) for axis in axes if axis.get_scale() == "log" for label in axis.get_ticklabels(which="both")}
    for text in figure.findobj(Text):
        if isinstance(text, Text) and id(text) not in powers:
            text.set_parse_math(False)
