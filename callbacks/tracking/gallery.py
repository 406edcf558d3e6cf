"""An explain run's searches as a W&B table with pictures."""

import math
from typing import Any

import numpy as np
import pandas as pd
import wandb
from torch import Tensor

from report.attributes import sentence
from report.gallery.images import change_pixels, change_scale
from results.naming import CONTROLS, class_name

COLUMNS = ("index", "number", "source", "target", "status", "certificate", "confidence", "l2_x", "steps")
LEGIBLE = 112  # screen pixels that a picture in W&B's table has about


def representatives(table: pd.DataFrame, max_rows: int) -> list[int]:
    """Positions of at most so many rows, in the table's order, chosen so that little is missing.

    Every status has a row before any has two, then every pair of source and target within it; what is
    left goes to all of them in turn.
    """
    in_group = table.groupby(["source", "target", "status"]).cumcount()
    in_status = table.groupby("status").cumcount()
    return sorted(np.lexsort((in_status, in_group))[:max_rows].tolist())


def gallery(table: pd.DataFrame, tensors: dict[str, Tensor], class_names: list[str], max_rows: int) -> wandb.Table:
    """One row a search: its columns, every oracle's class for x′ and for the controls, what changed of attributes, and
    the pictures.

    Args:
        table: of ``counterfactuals.parquet``, N rows.
        tensors: of ``counterfactuals.safetensors``: x, counterfactual and perhaps control_counterfactual,
            N×C×H×W in [0, 1] (C = 1 or 3). Points in space have no pictures.
        class_names: empty where the predictor returns values.
        max_rows: searches that are shown.
    """
    rows = representatives(table, max_rows)
    oracles = [c for c in table if str(c).startswith(("oracle_", *(f"{name}_oracle_" for name in CONTROLS)))]
    shown = table.iloc[rows][[*(c for c in COLUMNS if c in table), *oracles]]
    columns = {str(name): [_plain(value) for value in shown[name].tolist()] for name in shown}
    for name in ("source", "target", *map(str, oracles)):
        columns[name] = [class_name(class_names, value) for value in columns[name]]
    if any(sentences := [sentence(table.iloc[row]) for row in rows]):
        columns["attributes"] = sentences
    if tensors["x"].ndim == 4:
        columns |= _pictures({name: images[rows] for name, images in tensors.items() if name in PICTURES})
    return wandb.Table(columns=list(columns), data=[list(row) for row in zip(*columns.values(), strict=True)])


PICTURES = ("x", "counterfactual", "control_counterfactual")


def _pictures(tensors: dict[str, Tensor]) -> dict[str, list[wandb.Image]]:
    x, own, control = (tensors.get(name) for name in PICTURES)
    assert x is not None and own is not None
    scale = change_scale(own - x) if len(x) else 1.0
    pictures = {"x": map(pixels, x), "x′": map(pixels, own), "change": (change_pixels(c, scale) for c in own - x)}
    if control is not None:
        pictures["control"] = map(pixels, control)
    return {name: [wandb.Image(enlarged(image)) for image in images] for name, images in pictures.items()}


def pixels(x: Tensor) -> np.ndarray:
    """An image C×H×W in [0, 1] as bytes H×W (C = 1) or H×W×3: W&B shows floats in [0, 1] as black."""
    image = (x.clamp(0, 1) * 255).round().byte().permute(1, 2, 0).numpy()
    return image[..., 0] if image.shape[-1] == 1 else image


def enlarged(image: np.ndarray) -> np.ndarray:
    """A small image H×W or H×W×3 with every pixel repeated until it can be seen; others as they are."""
    factor = max(1, LEGIBLE // max(image.shape[:2]))
    return image.repeat(factor, axis=0).repeat(factor, axis=1)


def _plain(value: Any) -> Any:
    """W&B's tables know no NaN beside numbers."""
    return None if isinstance(value, float) and not math.isfinite(value) else value
