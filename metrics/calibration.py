"""Telling a strange sample from a common one, at a rate of false alarms that is known."""

from collections.abc import Mapping

import numpy as np
from scipy.special import logsumexp


class Calibration:
    """What is usual among real samples.

    The **strangeness** of a sample is log Σ exp dᵢ over its measurements dᵢ, each as (value − median) / (99 %
    quantile − median) of real samples: 1 is where their outer 1 % begin, for every measurement, so that none with a
    heavy tail drowns the others. The largest counts most, and several that are a little strange add up. It has no
    upper bound, so that it also orders what lies far outside.

    The **p-value** is the share of real samples that are as strange, (1 + #{strangenessᵢ ≥ s}) / (n + 1): of fresh
    real samples at most α have a p-value of α or less, on average (split conformal prediction; Vovk et al. 2005).

    Args:
        measurements: name → values at n real samples that nothing was trained on, large where a sample is strange; a
            value that is not finite is infinitely strange, and a real sample that has one says nothing of what is
            usual. A measurement that is finite at none of them is left out.
        rounding: name → differences of less say nothing.
    """

    def __init__(self, measurements: Mapping[str, np.ndarray], rounding: Mapping[str, float] | None = None) -> None:
        rounding = rounding or {}
        self.sorted = {
            name: np.sort(values[np.isfinite(values)])
            for name, values in measurements.items()
            if np.isfinite(values).any()
        }
        self.middle = {name: np.median(v) for name, v in self.sorted.items()}
        self.unit = {
            name: max(np.quantile(v, 0.99) - self.middle[name], rounding.get(name, 1e-12))
            for name, v in self.sorted.items()
        }
        usual = self.strangeness(measurements)
        self.usual = np.sort(usual[np.isfinite(usual)])

    def strangeness(self, measurements: Mapping[str, np.ndarray]) -> np.ndarray:
        """N, of measurements N each; NaN where none says anything."""
        if not self.unit:
            return np.full(len(next(iter(measurements.values()))), np.nan)
        return logsumexp([self._distance(name, measurements[name]) for name in self.unit], axis=0)

    def p_value(self, strangeness: np.ndarray) -> np.ndarray:
        """N in (0, 1]; NaN of NaN, and where nothing is known to be usual."""
        as_strange = len(self.usual) - np.searchsorted(self.usual, strangeness, side="left")
        unknown = np.isnan(strangeness) | (len(self.usual) == 0)
        return np.where(unknown, np.nan, (1 + as_strange) / (len(self.usual) + 1))

    def percentile(self, name: str, values: np.ndarray) -> np.ndarray:
        """Share of the real samples below each value, N in [0, 1]; NaN where a value, or all of theirs, is none."""
        if name not in self.sorted:
            return np.full(len(values), np.nan)
        share = np.searchsorted(self.sorted[name], values) / len(self.sorted[name])
        return np.where(np.isnan(values), np.nan, share)

    def _distance(self, name: str, values: np.ndarray) -> np.ndarray:
        return np.where(np.isfinite(values), (values - self.middle[name]) / self.unit[name], np.inf)
