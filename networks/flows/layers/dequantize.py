"""Dequantisation, in the image's own coordinates."""

import torch
from torch import Tensor

from networks.errors import InputError


def dequantize(x: Tensor, levels: int, generator: torch.Generator | None = None, n_bits: int | None = None) -> Tensor:
    """Uniform dequantisation: every grey value becomes a random point of its cell.

    With all levels that is x + (u − ½) / (levels − 1), u ~ U[0, 1). Written around the grey value
    itself rather than above it, so that the noise-free image is the centre of its own cell: a flow
    trained on the dequantised images encodes the undegraded one. With fewer bits, neighbouring grey
    values share a cell, at the place in [0, 1] where they were; the undegraded image is a point
    inside. As a function of x it is a shift, with a log-determinant of zero.

    Args:
        x: grey values k / (levels − 1) in [0, 1], any shape.
        levels: number of grey values, 256 for 8 bits.
        n_bits: 2^n_bits cells instead of ``levels`` (Glow models 5 bits of 8).
    """
    u = torch.rand(x.shape, generator=generator, dtype=x.dtype, device=x.device)
    if n_bits is None:
        return x + (u - 0.5) / (levels - 1)
    size = levels_per_cell(levels, n_bits)
    cell = ((x * (levels - 1)).round() / size).floor()
    return ((cell + u) * size - 0.5) / (levels - 1)


def levels_per_cell(levels: int, n_bits: int | None) -> int:
    """Grey values that share a cell.

    Raises:
        InputError: 2^n_bits does not divide ``levels``.
    """
    if n_bits is None:
        return 1
    if n_bits < 1 or levels % 2**n_bits:
        raise InputError(f"n_bits={n_bits} does not fit {levels} grey values: 2^n_bits must divide them")
    return levels // 2**n_bits


def cell_bounds(levels: int) -> tuple[float, float]:
    """Range [−½/(levels−1), 1 + ½/(levels−1)] that dequantised images fill."""
    half = 0.5 / (levels - 1)
    return -half, 1 + half
