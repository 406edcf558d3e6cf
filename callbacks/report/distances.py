"""How far counterfactuals lie from their own originals, and from all of the same class."""

import numpy as np
from matplotlib.figure import Figure

from callbacks.report.figures import CONTROL, GREY, OWN, canvas, legend
from callbacks.report.results import Results

RESULTS = (("", "counterfactual", OWN), ("control", "control", CONTROL))
SPACES = (("l2_x", "‖·‖ in X"), ("l2_z", "‖·‖ in Z"))


def distance_histograms(results: Results) -> Figure | None:
    """Densities of ``l2_x`` and ``l2_x_class``, ``l2_z`` and ``l2_z_class``, over flipped rows.

    A counterfactual stays near its own original, in X and in Z; a control that leaves the manifold
    is near in X alone. Source: *Diffeomorphic Counterfactuals*, Fig. 14.
    """
    panels = [(space, result) for space in SPACES for result in RESULTS if known(results, result[0], space[0])]
    if not panels:
        return None
    columns = len({name for _, (name, _, _) in panels})
    rows = -(-len(panels) // columns)
    figure, _ = canvas(rows, columns, size=(3.1 * columns, 2.2 * rows + 0.2))
    for axes, ((column, label), (name, title, colour)) in zip(figure.axes, panels, strict=False):
        own, others = known(results, name, column)
        bins = np.linspace(0, max(own.max(), others.max()) * 1.02 or 1.0, 50).tolist()
        axes.hist(own, bins=bins, density=True, color=colour, alpha=0.75, label="to its own original")
        axes.hist(others, bins=bins, density=True, color=GREY, alpha=0.6, label="to all of its class (mean)")
        axes.set(title=title, xlabel=label, yticks=[])
        axes.title.set_size(10)
        legend(axes)
    return figure


def known(results: Results, name: str, column: str) -> tuple[np.ndarray, np.ndarray] | tuple[()]:
    """Own and class distances of flipped rows, or nothing."""
    if name not in results.names:
        return ()
    own, others = results.values(name, column), results.values(name, f"{column}_class")
    if own is None or others is None:
        return ()
    rows = results.flipped(name) & own.notna().to_numpy() & others.notna().to_numpy()
    return (own[rows].to_numpy(), others[rows].to_numpy()) if rows.any() else ()
