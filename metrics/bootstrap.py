"""How far a figure could be off: confidence intervals without assumptions about the distribution."""

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike

RESAMPLES = 1000
LEVEL = 0.95


def mean_interval(values: ArrayLike, level: float = LEVEL, resamples: int = RESAMPLES) -> tuple[float, float]:
    """Percentile bootstrap of the mean (Efron 1979); NaN where there is no value.

    Args:
        values: one number a sample, N; NaN are left out.
        level: share of the intervals that hold the true mean.
        resamples: samples of N drawn with replacement, by a fixed seed.
    """
    return _interval(values, np.mean, level, resamples)


def median_interval(values: ArrayLike, level: float = LEVEL, resamples: int = RESAMPLES) -> tuple[float, float]:
    """Percentile bootstrap of the median; otherwise as ``mean_interval``."""
    return _interval(values, np.median, level, resamples)


def half_sampling_interval(
    statistic: Callable[[np.ndarray], float], n: int, halves: int = 30
) -> tuple[float, float, float]:
    """The statistic of all n rows, and an interval of 1.96 standard errors around it.

    Distances between distributions, such as FID, grow when rows are drawn twice; their standard
    error comes from halves drawn without replacement, the delete-half jackknife (Shao & Wu 1989, *A
    general theory for jackknife variance estimation*), whose variance needs no factor at n / 2.

    Args:
        statistic: of row numbers, int64.
        n: rows.
        halves: drawn by a fixed seed.

    Returns:
        value, lower and upper bound; the bounds are NaN below four rows.
    """
    value = statistic(np.arange(n))
    if n < 4:
        return value, float("nan"), float("nan")
    rng = np.random.default_rng(0)
    error = float(np.std([statistic(rng.permutation(n)[: n // 2]) for _ in range(halves)], ddof=1))
    return value, value - 1.96 * error, value + 1.96 * error


def _interval(
    values: ArrayLike, statistic: Callable[..., np.ndarray], level: float, resamples: int
) -> tuple[float, float]:
    v = np.asarray(values, dtype=np.float64)
    v = v[~np.isnan(v)]
    if not len(v):
        return float("nan"), float("nan")
    rng = np.random.default_rng(0)
    rows = max(1, 2**22 // len(v))  # resamples at once: 32 MB
    drawn = [
        statistic(v[rng.integers(len(v), size=(min(rows, resamples - start), len(v)))], axis=1)
        for start in range(0, resamples, rows)
    ]
    low, high = np.quantile(np.concatenate(drawn), [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)
