"""Telling a strange sample from a common one, at a rate of false alarms that is known."""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from scipy.special import logsumexp
from scipy.stats import beta, betabinom


class FalseAlarms(NamedTuple):
    """How many of fresh real samples are called strange.

    Attributes:
        samples: that it was calibrated by, n.
        expected: share on average over calibrations, ⌊α (n + 1)⌋ / (n + 1).
        low, high: within which the share of one calibration lies, 95 times in 100.
    """

    samples: int
    expected: float
    low: float
    high: float


class Calibration:
    """What is usual among real samples.

    The **nonconformity** of a sample is log Σ exp dᵢ over its measurements dᵢ, each as (value − median) / (99 %
    quantile − median) of real samples: 1 is where their outer 1 % begin, for every measurement, so that none with a
    heavy tail drowns the others. The largest counts most, and several that are a little strange add up. It has no
    upper bound, so that it also orders what lies far outside.

    The **p-value** is the share of *other* real samples that are as strange, (1 + #{nonconformityᵢ ≥ s}) / (n + 1): of
    fresh real samples at most α have a p-value of α or less, on average over calibrations (split conformal prediction;
    Vovk et al. 2005). That holds for any nonconformity that was settled without the n samples, which is why its medians
    and quantiles are those of others; and over all classes together, not within each.

    Args:
        units: name → values at m real samples, whose medians and quantiles the units are; large where a sample is
            strange.
        usual: the same of n others, on which nothing else depends. A value that is not finite is infinitely strange,
            and a real sample that has one says nothing of what is usual. A measurement that is finite at none of
            either is left out.
        rounding: name → differences of less say nothing.
    """

    def __init__(
        self,
        units: Mapping[str, np.ndarray],
        usual: Mapping[str, np.ndarray],
        rounding: Mapping[str, float] | None = None,
    ) -> None:
        rounding = rounding or {}
        finite = {name: values[np.isfinite(values)] for name, values in units.items()}
        known = {name: v for name, v in finite.items() if len(v) and np.isfinite(usual[name]).any()}
        self.middle = {name: np.median(v) for name, v in known.items()}
        self.unit = {
            name: max(np.quantile(v, 0.99) - self.middle[name], rounding.get(name, 1e-12)) for name, v in known.items()
        }
        nonconformity = self.nonconformity(usual)
        self.usual = np.sort(nonconformity[np.isfinite(nonconformity)])

    def nonconformity(self, measurements: Mapping[str, np.ndarray]) -> np.ndarray:
        """N, of measurements N each; NaN where none says anything."""
        if not self.unit:
            return np.full(len(next(iter(measurements.values()))), np.nan)
        return logsumexp([self._distance(name, measurements[name]) for name in self.unit], axis=0)

    def p_value(self, nonconformity: np.ndarray) -> np.ndarray:
        """N in (0, 1]; NaN of NaN, and where nothing is known to be usual."""
        as_strange = len(self.usual) - np.searchsorted(self.usual, nonconformity, side="left")
        unknown = np.isnan(nonconformity) | (len(self.usual) == 0)
        return np.where(unknown, np.nan, (1 + as_strange) / (len(self.usual) + 1))

    def false_alarms(self, level: float) -> FalseAlarms:
        """At p ≤ ``level``: the k-th strangest of n real samples lies at a quantile that is Beta(k, n + 1 − k)."""
        k, n = self._allowed(level), len(self.usual)
        low, high = beta.interval(0.95, k, n + 1 - k) if k else (0.0, 0.0)
        return FalseAlarms(n, k / (n + 1), float(low), float(high))

    def chance_of(self, alarms: int, samples: int, level: float) -> float:
        """Of so many alarms or more at p ≤ ``level`` among fresh real samples, over calibrations as well."""
        k = self._allowed(level)
        return float(betabinom.sf(alarms - 1, samples, k, len(self.usual) + 1 - k)) if k else float(alarms == 0)

    def _allowed(self, level: float) -> int:
        """How many of the n + 1 p-values that there can be are at most ``level``."""
        n = len(self.usual)
        return int((np.arange(1, n + 1) / (n + 1) <= level).sum())

    def _distance(self, name: str, values: np.ndarray) -> np.ndarray:
        return np.where(np.isfinite(values), (values - self.middle[name]) / self.unit[name], np.inf)


def percentile(real: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Share of the real values that lie below each value, in [0, 1]; NaN of NaN, and where no real one is finite."""
    ordered = np.sort(real[np.isfinite(real)])
    if not len(ordered):
        return np.full(len(values), np.nan)
    return np.where(np.isnan(values), np.nan, np.searchsorted(ordered, values) / len(ordered))
