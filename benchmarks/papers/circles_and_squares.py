"""A cue that no heat map can show: circles and squares that differ in size.

python -m benchmarks.papers.circles_and_squares runs/shapes/explain

Of a finished run of configs/shapes/explain.yaml. First table: what the attribution says of small and of large ones: its
share on the object itself (the object's share of the image beside it), and the deletion and insertion curves' areas for
A, Â and the change. Second table: how large the objects are before and after, by every result that flipped, with 95 %
intervals, and how many of them are as large as the other class's really are.
"""

import sys
from pathlib import Path

import numpy as np
from safetensors.torch import load_file
from torch import Tensor

from datamodules import diameters
from datamodules.drawn.circles_and_squares import DIAMETERS
from metrics.intervals import mean_interval, share_interval
from results.naming import column
from results.reader import ATTRIBUTIONS, Results


def objects(x: Tensor) -> Tensor:
    """Which pixels of images B×1×32×32 are the object's, B×32×32 bool."""
    ground, ink = x.flatten(1).median(1).values, x.flatten(1).amax(1)
    return x[:, 0] > ((ground + ink) / 2)[:, None, None]


def looked_at(results: Results) -> None:
    """Print what attributions say of either class."""
    kept = load_file(results.folder / ATTRIBUTIONS)["attribution"]
    size = (kept.float() - 128).abs()
    x, table = results.tensor("x")[: len(size)], results.table[: len(size)]
    inside = objects(x)
    on = (size * inside).flatten(1).sum(1) / size.flatten(1).sum(1)
    covered = inside.float().flatten(1).mean(1)
    names = [f"{a}{b}" for b in ("deletion", "insertion") for a in ("", "refined_", "change_")]
    print("| | images | of A on the object | object's share | " + " | ".join(names) + " |")
    print("|" + "---|" * (len(names) + 4))
    for label, name in enumerate(results.class_names):
        rows = (table.source == label).to_numpy(copy=True)
        areas = " | ".join(f"{table[n][rows].mean():.3f}" for n in names)
        print(f"| {name} | {rows.sum()} | {on[rows].mean():.1%} | {covered[rows].mean():.1%} | {areas} |")


def sizes(results: Results) -> None:
    """Print diameters before and after."""
    before, source = diameters(results.tensor("x")).numpy(), results.table.source.to_numpy()
    print("\n| | from → to | flipped | diameter before | after | as the other class |\n|" + "---|" * 6)
    for name in results.names:
        after = diameters(results.tensor(column(name, "counterfactual"))).numpy()
        for label, to in ((0, 1), (1, 0)):
            rows = results.flipped(name) & (source == label)
            low, high = DIAMETERS[to]
            within = ((after >= low - 0.5) & (after <= high + 0.5))[rows]
            cells = [_mean(v[rows]) for v in (before, after)]
            bounds = share_interval(within)
            share = f"{within.mean():.1%} ({bounds[0]:.1%} – {bounds[1]:.1%})"
            pair = f"{results.class_names[label]} → {results.class_names[to]}"
            print(f"| {name or 'counterfactual'} | {pair} | {rows.sum()} | {' | '.join(cells)} | {share} |")


def _mean(values: np.ndarray) -> str:
    low, high = mean_interval(values)
    return f"{values.mean():.1f} ({low:.1f} – {high:.1f})"


def main(folder: str) -> None:
    """Print both tables."""
    results = Results(Path(folder))
    looked_at(results)
    sizes(results)


if __name__ == "__main__":
    main(*sys.argv[1:])
