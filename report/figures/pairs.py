"""Source → target: how often each pair succeeds, and where its pictures change on average."""

from typing import NamedTuple

import numpy as np
import torch
from matplotlib.figure import Figure
from torch import Tensor

from report.figures.plots import examples
from report.gallery.images import change_uri, image_uri, size_uri
from results.reader import Results

MOST = 24  # pairs whose changes the page shows


class Cell(NamedTuple):
    """Searches of one pair: how many, and which share flipped."""

    searches: int
    rate: float


class Confusion(NamedTuple):
    """Names of sources and targets, and a cell for every pair that was searched."""

    sources: list[str]
    targets: list[str]
    cells: list[list[Cell | None]]


class MeanChange(NamedTuple):
    """Mean pictures over the flipped rows of one pair: name, C×H×W, and how it is drawn."""

    pair: str
    flipped: int
    pictures: list[tuple[str, Tensor, str]]


def confusion(results: Results) -> Confusion | None:
    """Flip rate and count of every source → target; None where targets are values."""
    searched = results.table[results.table["status"] != "already_target"]
    if not results.class_names or searched.empty:
        return None
    groups = (searched["status"] == "flipped").groupby([searched["source"], searched["target"]]).agg(["size", "mean"])
    found = {pair: Cell(int(row["size"]), float(row["mean"])) for pair, row in groups.iterrows()}
    sources, targets = (sorted(int(v) for v in searched[role].unique()) for role in ("source", "target"))
    cells = [[found.get((s, t)) for t in targets] for s in sources]
    return Confusion([results.name_of(s) for s in sources], [results.name_of(t) for t in targets], cells)


def mean_changes(results: Results, most: int = MOST) -> list[MeanChange]:
    """Of the most frequent pairs of classes."""
    if not results.images or not results.class_names:
        return []
    return [MeanChange(pair, len(rows), _means(results, rows)) for pair, rows in list(results.pairs())[:most]]


def _means(results: Results, rows: np.ndarray) -> list[tuple[str, Tensor, str]]:
    """Sums over parts of the tensors: they need not fit in memory twice."""
    control = results.has("control_counterfactual")
    roles = ["counterfactual", *(["control_counterfactual"] if control else [])]
    sums: dict[str, Tensor] = {}
    for start in range(0, len(results.table), 512):
        chosen = torch.from_numpy(rows[(rows >= start) & (rows < start + 512)] - start)
        x = results.part("x", start, start + 512)[chosen]
        parts = {"x": x}
        for role in roles:
            made = results.part(role, start, start + 512)[chosen]
            parts |= {role: made, f"{role} change": made - x, f"{role} |change|": (made - x).abs()}
        for name, part in parts.items():
            sums[name] = sums.get(name, torch.zeros(results.shape)) + part.sum(0)
    mean = {name: total / len(rows) for name, total in sums.items()}
    shown = [("mean x", mean["x"], "image"), ("mean x′", mean["counterfactual"], "image")]
    shown += [("mean change", mean["counterfactual change"], "signed")]
    shown += [("mean |change|", mean["counterfactual |change|"], "absolute")]
    if control:
        shown += [("control: mean change", mean["control_counterfactual change"], "signed")]
        shown += [("control: mean |change|", mean["control_counterfactual |change|"], "absolute")]
    return shown


def mean_change_figure(changes: list[MeanChange]) -> Figure:
    """``mean_change.png``: all pairs as strips."""
    names = [(name, kind) for name, _, kind in changes[0].pictures]
    columns = [
        (name.replace("control: mean ", "control "), torch.stack([c.pictures[i][1] for c in changes]), kind != "image")
        for i, (name, kind) in enumerate(names)
    ]
    titles = [f"{c.pair} ({c.flipped})" for c in changes]
    return examples(columns, titles, mean_scale(changes), per_row=min(2, len(titles)))


def mean_change_uris(changes: list[MeanChange]) -> list[tuple[str, int, list[str]]]:
    """Pair, count and pictures as data URIs, all on one scale."""
    scale = mean_scale(changes)
    drawn = {
        "image": image_uri,
        "signed": lambda image: change_uri(image, scale),
        "absolute": lambda image: size_uri(image, scale),
    }
    return [(c.pair, c.flipped, [drawn[kind](image) for _, image, kind in c.pictures]) for c in changes]


def mean_scale(changes: list[MeanChange]) -> float:
    """One for the mean changes of all pairs."""
    return max((float(i.abs().max()) for c in changes for _, i, kind in c.pictures if kind != "image"), default=1.0)
