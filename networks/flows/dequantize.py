"""Dequantisation, in the image's own coordinates."""

import torch
from torch import Tensor


def dequantize(x: Tensor, levels: int, generator: torch.Generator | None = None) -> Tensor:
    """Uniform dequantisation: x + (u − ½) / (levels − 1), u ~ U[0, 1).

    Written around the grey value itself rather than above it, so that the noise-free image is the
    centre of its own cell: a flow trained on the dequantised images encodes the undegraded one.
    The map is a shift, its log-determinant is zero.

    Args:
        x: grey values k / (levels − 1) in [0, 1], any shape.
        levels: number of grey values, 256 for 8 bits.
    """
    u = torch.rand(x.shape, generator=generator, dtype=x.dtype, device=x.device)
    return x + (u - 0.5) / (levels - 1)


def cell_bounds(levels: int) -> tuple[float, float]:
    """Range [−½/(levels−1), 1 + ½/(levels−1)] that dequantised images fill."""
    half = 0.5 / (levels - 1)
    return -half, 1 + half
