"""Likelihood in the unit in which flows are compared."""

import math

from torch import Tensor


def bits_per_dim(log_prob: Tensor, dim: int, levels: int | None) -> Tensor:
    """−log₂ P(x) / D of the discrete image, bounded through uniform dequantisation.

    With grey values spaced 1 / (levels − 1) apart, P(x) = ∫ q over one cell ≥ exp E log q(x + u), so
    log P(x) ≥ log q(x̃) − D log(levels − 1) (Theis et al. 2016, *A note on the evaluation of
    generative models*, 3.1).

    Args:
        log_prob: log q at the dequantised images, in nats, any shape.
        dim: D, values in one sample.
        levels: grey values (256 for 8 bits); ``None`` for continuous data, where the result is a
            density and may be negative.
    """
    log_cells = dim * math.log(levels - 1) if levels is not None else 0.0
    return (log_cells - log_prob) / (dim * math.log(2))
