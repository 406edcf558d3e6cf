"""Which figures a run gets: drawn, saved for papers, and put into the page."""

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
from markupsafe import Markup
from matplotlib.figure import Figure

from counterfactuals.progress import track
from report.figures.distances import distance_histograms
from report.figures.opinions import neighbour_figure, oracle_figure
from report.figures.plots import examples, inline_svg, save, spectrum_plot, steps_histogram
from report.figures.relaxation import relaxation_rows, relaxation_shares
from report.figures.values import dose_curve, dose_strips
from report.gallery.data import scale_of
from report.gallery.images import data_uri
from results.naming import column
from results.reader import Results

SPECTRUM_NOTE = (
    "effective dimension {effective_dimension:.1f}; "
    "{dimension_above_10pct:.1f} singular values above 10 % of the largest"
)


class Drawn(NamedTuple):
    """A figure of the page."""

    title: str
    body: Markup
    note: str
    wide: bool = False


def save_examples(results: Results, n: int = 9) -> None:
    """``examples.png``: the first n searches that flipped."""
    rows = results.flipped("").nonzero()[0].tolist()[:n]
    if not rows or not results.images:
        return
    last = rows[-1] + 1
    x, own = (results.part(name, 0, last)[rows] for name in ("x", "counterfactual"))
    columns = [("x", x, False), ("x′", own, False), ("change", own - x, True)]
    if results.has("control_counterfactual"):
        control = results.part("control_counterfactual", 0, last)[rows]
        columns += [("control", control, False), ("its change", control - x, True)]
    table = results.table.iloc[rows]
    pairs = zip(table["source"], table["target"], strict=True)
    titles = [f"{results.name_of(s)} → {results.name_of(t)}" for s, t in pairs]
    save(examples(columns, titles, scale_of(results)), results.folder / "figures", "examples")


def _steps(results: Results) -> Figure:
    def steps(name: str) -> np.ndarray:
        taken = results.values(name, "first_hit")
        taken = results.table[column(name, "steps")] if taken is None else taken  # as older runs have it
        return taken.to_numpy()[results.flipped(name)]

    return steps_histogram({name: steps(name) for name in results.names})


def _spectrum(results: Results) -> Figure | None:
    spectrum = results.summary.get("spectrum")
    return spectrum_plot(spectrum["index"], spectrum["sigma"]) if spectrum else None


#: file → title, drawing, note (with numbers of the spectrum)
DRAWINGS: dict[str, tuple[str, Callable[[Results], Figure | None], str]] = {
    "relaxation": ("Relaxing the posterior", relaxation_rows, "p: the model's probability of the target"),
    "relaxation_shares": ("How much relaxation convinces", relaxation_shares, "of all searches"),
    "dose_strips": ("From few to many", dose_strips, "under each image: the model's value (and the first oracle's)"),
    "dose_curve": ("Dose and response", dose_curve, "over all searches"),
    "oracles": (
        "What independent models say",
        oracle_figure,
        "of all searches; for values of those that flipped",
    ),
    "neighbours": ("The nearest real images", neighbour_figure, "over flipped rows; bars have 95 % intervals"),
    "steps": ("Steps of the search", _steps, "flipped searches only"),
    "spectrum": ("Spectrum of ∂g/∂z", _spectrum, SPECTRUM_NOTE),
    "distances": (
        "Near its own original, or near them all?",
        distance_histograms,
        "distances of x′ to its own original, and on average to all originals of the source class; flipped rows",
    ),
}
WIDE = ("distances", "relaxation", "dose_strips")
SHOWN_ELSEWHERE = ("examples", "mean_change")


def saved_figures(folder: Path) -> list[str]:
    """Names below the folder of the figures that ``draw_all`` and the others here and on the page have saved."""
    names = (f"figures/{name}.{kind}" for name in (*DRAWINGS, *SHOWN_ELSEWHERE) for kind in ("png", "pdf"))
    return [name for name in names if (folder / name).is_file()]


def draw_all(results: Results, shown: bool = False) -> list[Drawn]:
    """Draw and save the run's figures; what callbacks have left in ``figures`` comes after them.

    Args:
        shown: whether to show how far that is.
    """
    folder, drawn = results.folder / "figures", []
    for name, (title, draw, note) in track([*DRAWINGS.items()], "report: drawing figures", shown):
        if (figure := draw(results)) is not None:
            save(figure, folder, name)
            text = note.format(**results.summary.get("spectrum") or {})
            drawn.append(Drawn(title, Markup(inline_svg(figure)), text, wide=name in WIDE))
    for file in results.figures():
        if file.stem not in (*DRAWINGS, *SHOWN_ELSEWHERE):
            body = Markup(f'<img class="figure" alt="{file.stem}" src="{data_uri(file.read_bytes())}">')
            drawn.append(Drawn(file.stem.replace("_", " ").capitalize(), body, ""))
    return drawn
