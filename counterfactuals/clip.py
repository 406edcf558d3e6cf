"""Keeping decoded images what a predictor was made for, and what a file can hold."""

from torch import Tensor


def straight_through_clip(x: Tensor, bounds: tuple[float, float] | None) -> Tensor:
    """Clip x to ``bounds`` while its gradient passes as if it had not been clipped.

    A plain ``clamp`` in the graph has no gradient at saturated pixels, so a pixel that has once
    reached white could never darken again. ``bounds=None`` leaves x as it is.
    """
    return x if bounds is None else _in_place_of(x, x.detach().clamp(*bounds))


def straight_through_round(x: Tensor, levels: int | None) -> Tensor:
    """Round x in [0, 1] to the nearest of so many grey values, while its gradient passes as if it had not been.

    Noise of less than half a grey value is in no file: a predictor that is fooled by it is not by any image.
    ``levels=None`` leaves x as it is.
    """
    return x if levels is None else _in_place_of(x, (x.detach() * (levels - 1)).round() / (levels - 1))


def _in_place_of(x: Tensor, values: Tensor) -> Tensor:
    """The values exactly, with the gradient of x; where x is infinite there is none."""
    return values + (x - x.detach()).nan_to_num(0.0) if x.requires_grad else values
