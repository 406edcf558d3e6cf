"""A look at counterfactuals, from a notebook."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from counterfactuals.output.choice import which
from counterfactuals.output.titles import endings, titles
from counterfactuals.result import Counterfactuals
from networks.checks import objects
from networks.errors import InputError

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def show(
    cf: Counterfactuals,
    rows: int | slice | Sequence[int] | Tensor = 6,
    control: Counterfactuals | None = None,
    class_names: Sequence[str] | None = None,
) -> "Figure":
    """Pictures of searches, a row each: x, x′ and the signed change, and the control's x′ and change beside them.

    Above a row stand source and target, the target's probability before and after, and how the search ended where it
    did not flip: of values the value of x, the one to be reached, and that of x′. Red is where x′ is brighter than x,
    blue where it is darker, on one scale for the whole figure, up to its largest change; changes of colours are the
    channels' mean.

    Args:
        cf: of images, N×C×H×W of 1 or 3 channels. Values are shown from 0 to 1; where x has others, from its smallest
            to its largest.
        rows: the first so many, a slice, or indices: whole numbers, or N bool such as ``~cf.flipped``.
        control: of the same searches, such as ``explain(…, PixelChart(shape), …, matched=cf)``.
        class_names: of the classes, in order; numbers unless given.

    Returns:
        A matplotlib figure, which a notebook shows where it is the last line of a cell; ``.savefig(path)`` keeps it.

    Raises:
        InputError: samples that are no images, rows that are not there or more than 50, another control's, or too few
            names.
    """
    InputError.collect(objects(Counterfactuals, cf=cf, control=control))
    _check_images(cf)
    if control is not None:
        _check_control(cf, control)
    chosen = which(rows, len(cf))
    from counterfactuals.output.figure import Column, draw  # noqa: PLC0415  # matplotlib takes a second to import

    part = cf.take(chosen).to("cpu")
    results = [part] if control is None else [part, control.take(chosen).to("cpu")]
    pictures, changes = [_in_range(r.counterfactual, part.x) for r in results], [_change(r) for r in results]
    columns = [
        Column("x", _in_range(part.x, part.x), titles(part, class_names)),
        Column("x′", pictures[0]),
        Column("x′ − x", changes[0]),
    ]
    if control is not None:
        columns += [
            Column("control’s x′", pictures[1], endings(results[1]), True),
            Column("x′ − x", changes[1]),
        ]
    scale = max(float(change.abs().max()) for change in changes) or 1.0
    mean = ", mean of the channels" if cf.x.shape[1] > 1 else ""
    return draw(columns, scale, f"x′ − x{mean}: red is brighter, blue is darker; one scale for all rows")


def _in_range(images: Tensor, x: Tensor) -> Tensor:
    """In [0, 1]: as they are where x is, else by its range; what is not finite as 0."""
    finite = x[x.isfinite()]
    low, high = (float(end) for end in finite.aminmax()) if len(finite) else (0.0, 1.0)
    if low < 0 or high > 1:
        images = (images - low) / (high - low)
    return images.nan_to_num(0.0).clamp(0, 1)


def _change(cf: Counterfactuals) -> Tensor:
    """n×H×W, 0 where it is not finite."""
    return (cf.counterfactual - cf.x).mean(1).nan_to_num(0.0, 0.0, 0.0)


def _check_images(cf: Counterfactuals) -> None:
    shape = tuple(cf.x.shape[1:])
    if len(shape) != 3:
        raise InputError(
            f"show draws images, and these are samples of shape {shape}: cf.to_frame() has them as a table"
        )
    if shape[0] not in (1, 3):
        raise InputError(f"show draws images of 1 or 3 channels, and these have {shape[0]}: see cf.to_frame()")


def _check_control(cf: Counterfactuals, control: Counterfactuals) -> None:
    same = (
        torch.equal(own.cpu().nan_to_num(), other.cpu().nan_to_num())
        for own, other in ((cf.x, control.x), (cf.target, control.target))
    )
    if not all(same):
        raise InputError(
            f"control must be of the same {len(cf)} searches, row by row, and its {len(control)} rows have other "
            "originals or targets: explain the same x with the same target, and matched=cf"
        )
