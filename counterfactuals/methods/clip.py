"""Keeping decoded images what a predictor was made for, and what a file can hold."""

from torch import Tensor


def straight_through_clip(x: Tensor, bounds: tuple[float, float] | None) -> Tensor:
    """Clip x to ``bounds`` while its gradient passes as if it had not been clipped.

    A plain ``clamp`` in the graph has no gradient at saturated pixels, so a pixel that has once
    reached white could never darken again. The values are those of ``clamp``, however far x lies outside;
    where it is infinite they have no gradient. ``bounds=None`` leaves x as it is.
    """
    if bounds is None:
        return x
    clipped = x.detach().clamp(*bounds)
    return clipped + (x - x.detach()).nan_to_num(0.0) if x.requires_grad else clipped


def as_image(x: Tensor, levels: int | None) -> Tensor:
    """x in [0, 1] rounded to the nearest of so many grey values, as in a file; ``None`` leaves x as it is.

    Noise of less than half a grey value is in no file: a predictor that is fooled by it is not by any image.
    """
    return x if levels is None else (x * (levels - 1)).round() / (levels - 1)
