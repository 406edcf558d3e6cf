"""How far counterfactuals lie from their own originals, and from all of the same class."""

import numpy as np
from matplotlib.figure import Figure

from report.figures.plots import GREY, KINDS, canvas, legend_above
from results.reader import Results

SPACES = (("l2_x", "‖·‖ in X"), ("l2_z", "‖·‖ in Z"))


def distance_histograms(results: Results) -> Figure | None:
    """Densities of ``l2_x`` and ``l2_x_class``, ``l2_z`` and ``l2_z_class``, over flipped rows.

    A counterfactual stays near its own original, in X and in Z; a control that leaves the manifold
    is near in X alone. Source: *Diffeomorphic Counterfactuals*, Fig. 14.
    """
    panels = [
        (result, space, distances)
        for space in SPACES
        for result in reversed(KINDS)
        if (distances := _known(results, result[0], space[0])) is not None
    ]
    if not panels:
        return None
    columns = len({name for (name, _, _), _, _ in panels})
    rows = -(-len(panels) // columns)
    figure, _ = canvas(rows, columns, size=(4.4 * columns, 1.9 * rows + 0.4))
    for axes, ((_, title, colour), (_, label), (own, others)) in zip(figure.axes, panels, strict=False):
        bins = np.linspace(0, max(own.max(), others.max()) * 1.02 or 1.0, 50).tolist()
        axes.hist(own, bins=bins, density=True, color=colour, alpha=0.75, label=f"{title} to its own original")
        axes.hist(others, bins=bins, density=True, color=GREY, alpha=0.6, label="to all originals of its class (mean)")
        axes.set_title(title, fontsize=10)
        axes.set(xlabel=label, yticks=[])
    legend_above(figure)
    return figure


def _known(results: Results, name: str, column: str) -> tuple[np.ndarray, np.ndarray] | None:
    """Own and class distances of flipped rows, where both are known."""
    if name not in results.names:
        return None
    own, others = results.values(name, column), results.values(name, f"{column}_class")
    if own is None or others is None:
        return None
    rows = results.flipped(name) & own.notna().to_numpy() & others.notna().to_numpy()
    return (own[rows].to_numpy(), others[rows].to_numpy()) if rows.any() else None
