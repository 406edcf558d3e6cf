"""Classes, values, confidences and endings of searches, as they are written for people."""

from collections.abc import Sequence
from typing import Any

from torch import Tensor

from networks.errors import InputError, printable


def named(values: Tensor, class_names: Sequence[str] | None) -> list[Any]:
    """Classes (N int64) by their names, or as numbers where there are none; values (N float32) as they are.

    Raises:
        InputError: names that are no sequence of them, too few of them, or names for values.
    """
    numbers = values.tolist()
    if class_names is None:
        return numbers
    if isinstance(class_names, str) or not isinstance(class_names, Sequence):
        raise InputError(f"class_names must be a list of names, in the order of the classes; got {class_names!r}")
    if values.is_floating_point():
        raise InputError("class_names is for classes, and these counterfactuals are of values: leave it out")
    if numbers and max(numbers) >= len(class_names):
        raise InputError(
            f"class_names has {len(class_names)} names, and there is a class {max(numbers)}: name them all"
        )
    return [printable(str(class_names[i])) for i in numbers]


def short(name: str, most: int) -> str:
    """At most so many letters.

    >>> short("no finding whatsoever", 12)
    'no finding …'
    """
    return name if len(name) <= most else f"{name[: most - 1]}…"


def probability(p: float) -> str:
    """Three digits, and never 0 or 1 where it is neither.

    >>> [probability(p) for p in (0, 0.0002, 0.25, 0.9996, 1)]
    ['0', '<0.001', '0.250', '>0.999', '1']
    """
    if p in (0, 1):
        return f"{p:.0f}"
    return "<0.001" if p < 0.0005 else ">0.999" if p > 0.9995 else f"{p:.3f}"
