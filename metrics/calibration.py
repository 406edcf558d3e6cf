"""Telling a strange sample from a common one, at a rate of false alarms that is known."""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np


class Scale(NamedTuple):
    """5 %, 50 % and 95 % quantiles of a measurement among real samples."""

    low: float
    middle: float
    high: float


class Calibration:
    """What is usual among real samples.

    The **strangeness** of a sample is the largest of its measurements' distances from the median, each in
    units of the distance at which the outer 5 % of real samples begin, on its own side: 1 is where they begin.
    It has no upper bound, so that it also orders what lies far outside. The **p-value** is the
    share of real samples that are as strange, (1 + #{strangenessᵢ ≥ s}) / (n + 1): of fresh real samples at most α
    have a p-value of α or less, on average (split conformal prediction; Vovk et al. 2005).

    Args:
        measurements: name → values at n real samples that nothing was trained on; a value that is not finite is
            infinitely strange.
        errors: names of which only large values are strange → the least unit of their strangeness: smaller
            differences are rounding.
    """

    def __init__(self, measurements: Mapping[str, np.ndarray], errors: Mapping[str, float] | None = None) -> None:
        self.errors = errors or {}
        self.sorted = {name: np.sort(values[np.isfinite(values)]) for name, values in measurements.items()}
        self.scales = {name: Scale(*np.quantile(v, [0.05, 0.5, 0.95])) for name, v in self.sorted.items()}
        self.usual = np.sort(self.strangeness(measurements))

    def strangeness(self, measurements: Mapping[str, np.ndarray]) -> np.ndarray:
        """N, of measurements N each."""
        return np.max([self._distance(name, measurements[name]) for name in self.scales], axis=0)

    def p_value(self, strangeness: np.ndarray) -> np.ndarray:
        """N in (0, 1]."""
        as_strange = len(self.usual) - np.searchsorted(self.usual, strangeness, side="left")
        return (1 + as_strange) / (len(self.usual) + 1)

    def percentile(self, name: str, values: np.ndarray) -> np.ndarray:
        """Share of the real samples below each value, N in [0, 1]."""
        share = np.searchsorted(self.sorted[name], values) / len(self.sorted[name])
        return np.where(np.isnan(values), np.nan, share)

    def _distance(self, name: str, values: np.ndarray) -> np.ndarray:
        low, middle, high = self.scales[name]
        above = (values - middle) / max(high - middle, self.errors.get(name, 1e-12))
        below = (middle - values) / max(middle - low, 1e-12)
        distance = above if name in self.errors else np.maximum(above, below)
        return np.where(np.isfinite(values), distance, np.inf)
