"""Pictures as data URIs."""

import base64
import io

import numpy as np
import torch
from PIL import Image
from torch import Tensor


def data_uri(png: bytes) -> str:
    """A PNG as a ``data:`` URI."""
    return "data:image/png;base64," + base64.b64encode(png).decode()


def image_uri(x: Tensor) -> str:
    """An image C×H×W in [0, 1] (C = 1 or 3) as a PNG data URI."""
    pixels = (x.clamp(0, 1) * 255).round().byte().permute(1, 2, 0).numpy()
    return _png(Image.fromarray(pixels[..., 0] if pixels.shape[-1] == 1 else pixels))


def change_uri(change: Tensor, scale: float) -> str:
    """``change_pixels`` as a PNG data URI."""
    return _png(Image.fromarray(change_pixels(change, scale)))


def change_pixels(change: Tensor, scale: float) -> np.ndarray:
    """A signed change C×H×W as a diverging map H×W×3 of bytes: red where light was added, blue where removed.

    White is no change; full colour is a change of ``scale``, averaged over the channels.
    """
    v = (change.mean(0) / max(scale, 1e-8)).clamp(-1, 1)
    up, down = v.clamp(min=0), (-v).clamp(min=0)
    rgb = torch.stack([1 - down * 0.87, 1 - 0.75 * up - 0.6 * down, 1 - up * 0.87 - 0.25 * down], -1)
    return (rgb.clamp(0, 1) * 255).round().byte().numpy()


def _png(image: Image.Image) -> str:
    buffer = io.BytesIO()
    image.save(buffer, "PNG", optimize=True)
    return data_uri(buffer.getvalue())


def change_scale(*changes: Tensor) -> float:
    """One scale for all change maps of a report: the 99th percentile of |change|, at most 1."""
    values = np.abs(np.concatenate([c.numpy().ravel() for c in changes]))
    return float(min(1.0, np.quantile(values, 0.99) or 1.0))
