"""Likelihood in the unit in which flows are compared."""

import math

from torch import Tensor

from networks.flows.layers.dequantize import levels_per_cell


def bits_per_dim(log_prob: Tensor, dim: int, levels: int | None, n_bits: int | None = None) -> Tensor:
    """−log₂ P(x) / D of the discrete image, bounded through uniform dequantisation.

    With cells of width w = 1 / (levels − 1), P(x) = ∫ q over one cell ≥ w^D exp E log q(x + u), so
    log P(x) ≥ log q(x̃) + D log w (Theis et al. 2016, *A note on the evaluation of generative
    models*, 3.1).

    Args:
        log_prob: log q at the dequantised images, in nats, any shape.
        dim: D, values in one sample.
        levels: grey values (256 for 8 bits); ``None`` for continuous data, where the result is a
            density and may be negative.
        n_bits: the bits that the flow models, where they are fewer; each cell is then wider.
    """
    log_cell = math.log(levels_per_cell(levels, n_bits) / (levels - 1)) if levels is not None else 0.0
    return -(log_prob + dim * log_cell) / (dim * math.log(2))
