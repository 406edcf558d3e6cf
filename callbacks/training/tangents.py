"""Tangent vectors as pictures."""

import torch
from torch import Tensor
from torchvision.utils import make_grid


def tangent_grid(x: Tensor, tangents: Tensor) -> Tensor:
    """One row a point: the image, then its tangent vectors, grey where nothing changes.

    Args:
        x: n×C×H×W in [0, 1].
        tangents: n×m×C×H×W, of any scale; each is shown with its own largest value at full contrast.

    Returns:
        C′×H′×W′ in [0, 1].
    """
    largest = tangents.abs().flatten(2).amax(2).clamp(min=1e-12)[:, :, None, None, None]
    rows = torch.cat([x[:, None], 0.5 + 0.5 * tangents / largest], 1)
    return make_grid(rows.flatten(0, 1), nrow=rows.shape[1], padding=1, pad_value=1.0)
