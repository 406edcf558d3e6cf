"""Keeping decoded images in the range that a predictor was made for."""

import torch
from torch import Tensor


def straight_through_clip(x: Tensor, bounds: tuple[float, float] | None) -> Tensor:
    """Clip x to ``bounds`` while its gradient passes as if it had not been clipped.

    A plain ``clamp`` in the graph has no gradient at saturated pixels, so a pixel that has once
    reached white could never darken again. The values are those of ``clamp``, however far x lies outside;
    where it is infinite they have no gradient. ``bounds=None`` leaves x as it is.
    """
    if bounds is None:
        return x
    passed = x - x.detach()  # nothing, and x's gradient; ∞ − ∞ is no number
    return x.detach().clamp(*bounds) + torch.where(x.isinf(), 0.0, passed)
