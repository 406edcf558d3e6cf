"""Keeping decoded images in the range that a predictor was made for."""

from torch import Tensor


def straight_through_clip(x: Tensor, bounds: tuple[float, float] | None) -> Tensor:
    """Clip x to ``bounds`` while its gradient passes as if it had not been clipped.

    A plain ``clamp`` in the graph has no gradient at saturated pixels, so a pixel that has once
    reached white could never darken again. ``bounds=None`` leaves x as it is.
    """
    if bounds is None:
        return x
    return x + (x.detach().clamp(*bounds) - x.detach())
