"""What a relaxation's grid looks like, and how convincing it is."""

from itertools import cycle

import torch
from matplotlib.figure import Figure

from report.figures.plots import GREY, OWN, canvas, legend_above
from results.reader import Results

ROWS = 8
COLOURS = (OWN, "#1d4ed8", "#a16207", "#7c3aed", GREY)


def relaxation_rows(results: Results) -> Figure | None:
    """A row an image: x, its reconstruction, and x′ for every r of the grid with the model's p of the target.

    The first searches that flipped. Source: Vercheval & Pižurica 2021 (VAEX), Fig. 3.
    """
    grid = results.summary.get("relaxation_grid")
    rows = results.flipped("").nonzero()[0].tolist()[:ROWS]
    if not grid or not rows or not results.has("path") or not results.images:
        return None
    last = rows[-1] + 1
    x, back, path = (results.part(name, 0, last)[rows] for name in ("x", "reconstruction", "path"))
    frames = torch.cat([x[:, None], back[:, None], path], 1)
    titles = ["x", "reconstruction", *(f"r = {r:g}" for r in grid["r"])]
    table = results.table.iloc[rows]
    n, width = frames.shape[:2]
    figure = Figure(figsize=(0.95 * width, 1.12 * n + 0.2), layout="constrained")
    axes = figure.subplots(n, width, squeeze=False)
    for i in range(n):
        pair = f"{results.name_of(table.source.iloc[i])} → {results.name_of(table.target.iloc[i])}"
        known = [f"p = {table[f'p_r{r:g}'].iloc[i]:.2f}" for r in grid["r"]]
        for j, note in enumerate([pair, "", *known]):
            image = frames[i, j].clamp(0, 1)
            axes[i, j].imshow(image[0] if len(image) == 1 else image.permute(1, 2, 0), cmap="gray", vmin=0, vmax=1)
            axes[i, j].set_title(f"{titles[j]}\n{note}" if i == 0 else note, fontsize=6, pad=2)
            axes[i, j].set_axis_off()
    return figure


def relaxation_shares(results: Results) -> Figure | None:
    """The share that the model, and every oracle, gives the target class, by r."""
    grid = results.summary.get("relaxation_grid")
    if not grid:
        return None
    figure, axes = canvas()
    for (name, shares), colour in zip(grid["share"].items(), cycle(COLOURS)):
        axes.plot(grid["r"], [100 * share for share in shares], marker="o", markersize=4, color=colour, label=name)
    axes.set(xlim=(1.03, -0.03), ylim=(0, 103), xlabel="r, from the whole posterior to none", ylabel="says target, %")
    legend_above(figure)
    return figure
