"""What the gallery shows of each search: its numbers as columns, its pictures as sheets."""

from typing import Any

import numpy as np
import pandas as pd
import torch
from safetensors import safe_open

from report.figures.plots import KINDS
from report.gallery.columns import columns_of
from report.gallery.images import absolute_palette, change_scale, pixels, signed_palette, signed_pixels
from report.gallery.sprites import Pictures, Sheets
from results.naming import CONTROLS, column
from results.reader import ATTRIBUTIONS, Results

FRAMES = 8  # of a search's path
NEIGHBOURS = ("neighbour_1", "neighbour_2", "neighbour_3")


def gallery_data(results: Results, sheets: list[Sheets], rows: int) -> dict[str, Any]:
    """All that the page's script needs, ready for JSON; the sheets' bytes stand elsewhere in the page."""
    table = neighbour_tiles(results).head(rows)
    pairs = bool(results.class_names)
    return {
        "rows": len(table),
        "total": len(results.table),
        "results": results.names,
        "names": results.class_names,
        "oracles": results.oracles(),
        "columns": columns_of(table, results.names),
        "pairs": sorted({(int(s), int(t)) for s, t in zip(table.source, table.target, strict=True)}) if pairs else [],
        "sheets": {s.pictures.role: _layout(s) for s in sheets},
        "palettes": {"signed": signed_palette().tolist(), "absolute": absolute_palette().tolist()},
    }


def _layout(sheets: Sheets) -> dict[str, Any]:
    return {
        "count": sheets.pictures.count,
        "perRow": sheets.pictures.per_row,
        "size": sheets.size,
        "cell": sheets.cell,
        "columns": sheets.columns,
        "perSheet": sheets.per_sheet,
        "kind": sheets.kind,
        "signed": sheets.pictures.signed,
    }


def pictures_of(results: Results, rows: int) -> list[Pictures]:
    """All pictures of the first rows, the most important first; none where samples are not images."""
    if not results.images:
        return []
    n, scale = min(rows, len(results.table)), scale_of(results)

    def images(tensor: str, title: str, essential: bool = False) -> Pictures:
        return Pictures(tensor, n, lambda a, b: pixels(results.part(tensor, a, b)), title, essential=essential)

    def change(tensor: str, title: str, **kind: bool) -> Pictures:
        def take(a: int, b: int) -> np.ndarray:
            return signed_pixels(results.part(tensor, a, b) - results.part("x", a, b), scale)

        return Pictures(f"{tensor}_change", n, take, title, signed=True, **kind)

    pictures = [
        images("x", "x", True),
        images("counterfactual", "x′", True),
        change("counterfactual", "changes", essential=True),
    ]
    for name, title, _ in reversed(KINDS):
        if name in CONTROLS and results.has(column(name, "counterfactual")):
            pictures.append(images(column(name, "counterfactual"), title))
            pictures.append(change(column(name, "counterfactual"), f"changes of {title}", fragile=True))
    pictures += [images("reconstruction", "reconstructions")]
    others = [name for name in results.names if name not in ("", *CONTROLS)]
    pictures += [
        images(column(name, "counterfactual"), name) for name in others if results.has(column(name, "counterfactual"))
    ]
    return [*pictures, *_attributions(results, n), *_neighbours(results), *_path(results, n)]


def scale_of(results: Results, most: int = 512) -> float:
    """One scale for all maps of changes, from the first rows."""
    x = results.part("x", 0, most)
    made = [column(n, "counterfactual") for n in ("", *CONTROLS) if results.has(column(n, "counterfactual"))]
    return change_scale(*(results.part(name, 0, most) - x for name in made))


def _attributions(results: Results, rows: int) -> list[Pictures]:
    """Where the model looks, of the rows that a run has kept maps of; every map has its own scale."""
    file = results.folder / ATTRIBUTIONS
    if not file.is_file():
        return []
    maps = safe_open(file, "pt")

    def of(name: str, title: str) -> Pictures:
        kept = maps.get_slice(name)
        count = min(rows, kept.get_shape()[0])
        return Pictures(name, count, lambda a, b: kept[a:b][..., None].numpy(), title, signed=True, fragile=True)

    titles = {"attribution": "attributions", "refined": "refined attributions"}
    return [of(name, title) for name, title in titles.items() if name in maps.keys()]  # noqa: SIM118  # no mapping


def _neighbours(results: Results) -> list[Pictures]:
    file = results.folder / "neighbours.safetensors"
    if not file.is_file():
        return []
    images = safe_open(file, "pt").get_slice("images")
    count = images.get_shape()[0]
    return [
        Pictures("neighbours", count, lambda a, b: images[a:b].permute(0, 2, 3, 1).numpy(), "neighbours", per_row=0)
    ]


def neighbour_tiles(results: Results) -> pd.DataFrame:
    """The table with neighbours counted among ``neighbours.safetensors``, not in the reference split."""
    table, file = results.table, results.folder / "neighbours.safetensors"
    names = [c for result in results.names for n in NEIGHBOURS if (c := column(result, n)) in table]
    if not file.is_file():
        return table.drop(columns=names)
    positions = safe_open(file, "pt").get_tensor("positions").numpy()
    tile = pd.Series(np.arange(len(positions)), positions)
    return table.assign(**{name: table[name].map(tile) for name in names})


def _path(results: Results, rows: int) -> list[Pictures]:
    """Evenly spaced frames of every search."""
    if not results.has("path"):
        return []
    path = results.tensors.get_slice("path")
    length = path.get_shape()[1]
    frames = torch.linspace(0, length - 1, min(FRAMES, length)).round().long()

    def take(a: int, b: int) -> np.ndarray:
        first, last = a // len(frames), -(-b // len(frames))
        tiles = path[first:last][:, frames].flatten(0, 1)
        return pixels(tiles[a - first * len(frames) : b - first * len(frames)])

    return [Pictures("path", rows * len(frames), take, "paths", per_row=len(frames))]
