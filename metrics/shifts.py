"""Which attributes change from x to x′, and whether that is more than chance: the mean of many, tested together."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from scipy.stats import t

from metrics.intervals import LEVEL, Interval, known_and_sums, mean_interval


class Shift(NamedTuple):
    """How much one attribute changes in the mean.

    Attributes:
        name: of the attribute.
        mean: of the changes, signed, in the attribute's unit.
        interval: of the mean, 95 %.
        p: of a mean of 0, adjusted for all attributes that are tested together (Holm 1979).
        rows: that it is of.
    """

    name: str
    mean: float
    interval: Interval
    p: float
    rows: int

    def significant(self, level: float = LEVEL) -> bool:
        """Whether a mean of 0 is refused at this level, for all attributes together."""
        return self.p < 1 - level


def shifts(changes: Mapping[str, ArrayLike], groups: ArrayLike | None = None) -> list[Shift]:
    """Of every attribute's changes, N each (NaN are left out), the largest first.

    Args:
        changes: name → a′ − a.
        groups: which rows belong to one image, N; ``None``: each to its own.
    """
    found = []
    for name, values in changes.items():
        v, _ = known_and_sums(values, groups)
        found.append((name, v, mean_interval(values, groups), _p_of_no_change(values, groups)))
    adjusted = holm([p for *_, p in found])
    each = [
        Shift(name, float(v.mean()) if len(v) else float("nan"), interval, p, len(v))
        for (name, v, interval, _), p in zip(found, adjusted, strict=True)
    ]
    return sorted(each, key=lambda shift: -abs(np.nan_to_num(shift.mean)))


def holm(p: Sequence[float]) -> list[float]:
    """p-values of m tests, adjusted so that one of them falls below α by chance at most as often as α (Holm 1979).

    The i-th smallest times m − i + 1, and never less than a smaller one's; NaN stay what they are and are not counted.

    >>> holm([0.01, 0.04, 0.03])
    [0.03, 0.06, 0.06]
    """
    values = np.asarray(p, dtype=np.float64)
    known = np.flatnonzero(~np.isnan(values))
    order = known[np.argsort(values[known], kind="stable")]
    factors = np.arange(len(order), 0, -1)
    adjusted = values.copy()
    adjusted[order] = np.minimum(np.maximum.accumulate(values[order] * factors), 1.0)
    return adjusted.tolist()


def _p_of_no_change(values: ArrayLike, groups: ArrayLike | None) -> float:
    """Of Student's two-sided test that the mean is 0, from the sums of groups; NaN with fewer than two of them.

    Where all rows are alike there is no variance: 0 changes have p = 1, and any others 0.
    """
    v, sums = known_and_sums(values, groups)
    if len(sums) < 2:
        return float("nan")
    error = float(np.sqrt(np.square(sums).sum() * len(sums) / (len(sums) - 1)) / len(v))
    if error == 0:
        return 1.0 if v.mean() == 0 else 0.0
    return float(2 * t.sf(abs(v.mean()) / error, len(sums) - 1))
