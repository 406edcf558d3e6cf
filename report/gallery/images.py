"""Pixels of pictures and of changes."""

import base64
import io

import numpy as np
import torch
from matplotlib import colormaps
from PIL import Image
from torch import Tensor

LARGEST = 256  # pixels a side of a picture outside of the gallery, which shows it at half of that


def data_uri(image: bytes, kind: str = "png") -> str:
    """An image file as a ``data:`` URI."""
    return f"data:image/{kind};base64," + base64.b64encode(image).decode()


def pixels(x: Tensor) -> np.ndarray:
    """Images N×C×H×W in [0, 1] as bytes N×H×W×C."""
    return (x.clamp(0, 1) * 255).round().byte().permute(0, 2, 3, 1).numpy()


def signed_pixels(change: Tensor, scale: float) -> np.ndarray:
    """Changes N×C×H×W, averaged over the channels, as bytes N×H×W×1: 128 is none, 1 and 255 are ∓scale."""
    v = (change.mean(1, keepdim=True) / max(scale, 1e-8)).clamp(-1, 1)
    return (128 + 127 * v).round().byte().permute(0, 2, 3, 1).numpy()


def signed_palette() -> np.ndarray:
    """Colours 256×3 of ``signed_pixels``: red where light was added, blue where removed, white between."""
    v = ((torch.arange(256) - 128) / 127).clamp(-1, 1)
    up, down = v.clamp(min=0), (-v).clamp(min=0)
    rgb = torch.stack([1 - down * 0.87, 1 - 0.75 * up - 0.6 * down, 1 - up * 0.87 - 0.25 * down], -1)
    return (rgb.clamp(0, 1) * 255).round().byte().numpy()


def absolute_palette() -> np.ndarray:
    """Colours 256×3 of the size of a change, from none (dark) to ``scale`` (light)."""
    return (colormaps["magma"](np.arange(256))[:, :3] * 255).round().astype(np.uint8)


def image_uri(x: Tensor) -> str:
    """An image C×H×W in [0, 1] (C = 1 or 3) as a PNG data URI."""
    return _png(pixels(x[None])[0])


def change_uri(change: Tensor, scale: float) -> str:
    """``change_pixels`` as a PNG data URI."""
    return _png(change_pixels(change, scale))


def change_pixels(change: Tensor, scale: float) -> np.ndarray:
    """A signed change C×H×W as a diverging map H×W×3 of bytes; full colour is a change of ``scale``."""
    return signed_palette()[signed_pixels(change[None], scale)[0, ..., 0]]


def size_uri(change: Tensor, scale: float) -> str:
    """The size of a change C×H×W, light where it is large; white hot is ``scale``."""
    v = (change.abs().mean(0) / max(scale, 1e-8)).clamp(0, 1)
    return _png(absolute_palette()[(v * 255).round().byte().numpy()])


def _png(array: np.ndarray) -> str:
    buffer, image = io.BytesIO(), Image.fromarray(array[..., 0] if array.shape[-1] == 1 else array)
    image.thumbnail((LARGEST, LARGEST), Image.Resampling.BOX)
    image.save(buffer, "PNG", optimize=True)
    return data_uri(buffer.getvalue())


def change_scale(*changes: Tensor) -> float:
    """One scale for all change maps of a report: the 99th percentile of |change|, at most 1."""
    values = np.abs(np.concatenate([c.numpy().ravel() for c in changes]))
    return float(min(1.0, np.quantile(values, 0.99) or 1.0))
