import numpy as np
import pytest
from scipy.stats import norm

from metrics import half_sampling_interval, mean_interval, median_interval


def test_mean_interval_is_the_normal_one_for_many_values() -> None:
    values = np.random.default_rng(1).normal(3, 2, 2000)
    low, high = mean_interval(values)
    half = norm.ppf(0.975) * values.std(ddof=1) / np.sqrt(len(values))
    assert low == pytest.approx(values.mean() - half, abs=0.02) and high == pytest.approx(
        values.mean() + half, abs=0.02
    )


def test_nine_intervals_in_ten_hold_the_truth_at_a_level_of_nine_tenths() -> None:
    rng = np.random.default_rng(0)
    intervals = [mean_interval(rng.exponential(1, 60), level=0.9, resamples=300) for _ in range(200)]
    assert np.mean([low <= 1 <= high for low, high in intervals]) == pytest.approx(0.9, abs=0.07)


def test_missing_values_are_left_out() -> None:
    assert mean_interval([1.0, np.nan, 1.0]) == (1, 1) and median_interval([2.0, np.nan, 2.0]) == (2, 2)
    assert np.isnan(mean_interval([np.nan])).all() and np.isnan(median_interval([])).all()


def test_parts_of_the_resampling_do_not_repeat_each_other() -> None:
    """More values than fit at once: the parts must be drawn on, not from the seed again."""
    values = np.random.default_rng(2).normal(size=2**19)
    low, high = mean_interval(values, resamples=40)
    assert high - low == pytest.approx(2 * 1.96 / np.sqrt(len(values)), rel=0.5)


def test_half_sampling_error_of_a_mean_is_the_standard_error() -> None:
    values = np.random.default_rng(3).normal(size=400)
    value, low, high = half_sampling_interval(lambda rows: float(values[rows].mean()), 400, halves=400)
    assert value == values.mean() and high - low == pytest.approx(2 * 1.96 * values.std() / 20, rel=0.15)


def test_too_few_rows_for_an_interval() -> None:
    value, low, high = half_sampling_interval(lambda rows: float(len(rows)), 3)
    assert value == 3 and np.isnan([low, high]).all()
