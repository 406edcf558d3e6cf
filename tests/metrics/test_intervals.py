from collections.abc import Callable

import numpy as np
import pytest
from scipy.stats import binomtest, norm

from metrics import difference_interval, half_sampling_interval, mean_interval, median_interval, share_interval

Draw = Callable[[np.random.Generator], tuple[np.ndarray, ...]]


def coverage(draw: Draw, truth: float, interval: Callable, repeats: int = 600) -> float:
    """Share of 95 % intervals that hold the truth."""
    rng = np.random.default_rng(0)
    bounds = np.array([interval(*draw(rng)) for _ in range(repeats)])
    return float(((bounds[:, 0] <= truth + 1e-12) & (truth - 1e-12 <= bounds[:, 1])).mean())


def share(n: int, p: float) -> Draw:
    return lambda rng: (rng.random(n) < p,)


def images(count: int, each: int, p: float, alike: float) -> Draw:
    """Rows of images whose own shares scatter: by Beta(alike p, alike (1 − p))."""

    def draw(rng: np.random.Generator) -> tuple[np.ndarray, ...]:
        own = rng.beta(alike * p, alike * (1 - p), (count, 1))
        return (rng.random((count, each)) < own).ravel(), np.arange(count).repeat(each)

    return draw


def values(count: int, each: int) -> Draw:
    return lambda rng: (
        (rng.normal(size=(count, 1)) + rng.normal(size=(count, each))).ravel(),
        np.arange(count).repeat(each),
    )


def pairs(n: int, p: float, q: float, alike: float) -> Draw:
    def draw(rng: np.random.Generator) -> tuple[np.ndarray, ...]:
        one, other = rng.random(n), rng.random(n)
        return one < p, np.where(rng.random(n) < alike, one, other) < q

    return draw


@pytest.mark.parametrize(
    ("draw", "truth", "interval", "least"),
    [
        (share(47, 0.957), 0.957, share_interval, 0.93),  # the percentile bootstrap's: 0.87
        (share(47, 0.99), 0.99, share_interval, 0.89),  # of 48 outcomes only some can be held; bootstrap: 0.38
        (share(8, 0.8), 0.8, share_interval, 0.93),
        (lambda rng: (rng.normal(size=8),), 0.0, mean_interval, 0.93),  # bootstrap: 0.87
        (lambda rng: (rng.exponential(size=47),), 1.0, mean_interval, 0.91),
        (lambda rng: (rng.exponential(size=47),), np.log(2), median_interval, 0.93),
        (lambda rng: (rng.exponential(size=8),), np.log(2), median_interval, 0.91),
        (images(40, 4, 0.75, 4.0), 0.75, share_interval, 0.92),  # rows taken for independent: 0.87
        (images(12, 9, 0.95, 1.05), 0.95, share_interval, 0.93),  # 0.63
        (values(8, 4), 0.0, mean_interval, 0.92),  # 0.77
        (values(40, 4), 0.0, median_interval, 0.92),  # 0.84
        (pairs(47, 0.95, 0.02, 0.0), 0.93, difference_interval, 0.92),
        (pairs(47, 0.2, 0.15, 0.9), 0.05, difference_interval, 0.93),
    ],
)
def test_nineteen_intervals_in_twenty_hold_the_truth(
    draw: Draw, truth: float, interval: Callable, least: float
) -> None:
    assert coverage(draw, truth, interval) >= least


@pytest.mark.parametrize(("hits", "n"), [(47, 47), (0, 12), (3, 8), (450, 451)])
def test_shares_against_scipy(hits: int, n: int) -> None:
    flags = np.arange(n) < hits
    low, high = binomtest(hits, n).proportion_ci(method="wilson")
    assert share_interval(flags) == pytest.approx((low, high))
    assert share_interval(flags, np.arange(n)) == pytest.approx((low, high)), "groups of one are no groups"


def test_rows_that_repeat_each_other_count_once() -> None:
    """Four identical rows an image: as wide as one row an image, but for Student's quantile."""
    once = np.arange(40) < 30
    low, high = share_interval(once.repeat(4), np.arange(40).repeat(4))
    z = norm.ppf(0.975)
    assert (high - low) / np.subtract(*share_interval(once)[::-1]) == pytest.approx(2.0227 / z, rel=0.02)
    assert share_interval(np.ones(160), np.arange(40).repeat(4))[0] == pytest.approx(
        share_interval(np.ones(40))[0], abs=0.01
    )


def test_mean_interval_is_the_normal_one_for_many_values() -> None:
    drawn = np.random.default_rng(1).normal(3, 2, 2000)
    half = norm.ppf(0.975) * drawn.std(ddof=1) / np.sqrt(len(drawn))
    assert mean_interval(drawn) == pytest.approx((drawn.mean() - half, drawn.mean() + half), abs=1e-3)


def test_missing_values_are_left_out() -> None:
    nan = float("nan")
    for interval in (share_interval, mean_interval, median_interval):
        assert interval([1.0, nan, 0.0, 1.0], [1, 1, 2, 3]) == interval([1.0, 0.0, 1.0], [1, 2, 3])
        assert np.isnan(interval([nan])).all() and np.isnan(interval([])).all()
    assert difference_interval([1, nan, 0], [0, 1, 0]) == difference_interval([1, 0], [0, 0])
    assert median_interval([2.0, nan, 2.0]) == (2, 2) and np.isnan(mean_interval([2.0])).all()


def test_differences_of_pairs_against_newcombes_table() -> None:
    """Newcombe 1998, table III, method 10: 36 pairs agree in "yes", 12 are yes and no, 2 no and yes, none in "no"."""
    a, b = np.repeat([1, 1, 0], [36, 12, 2]), np.repeat([1, 0, 1], [36, 12, 2])
    assert difference_interval(a, b) == pytest.approx((0.0569, 0.3404), abs=2e-4)
    low, high = difference_interval(np.ones(47), np.zeros(47))
    assert high == 1 and low == pytest.approx(1 - np.hypot(0.0756, 0.0756), abs=1e-3)


def test_half_sampling_error_of_a_mean_is_the_standard_error() -> None:
    drawn = np.random.default_rng(3).normal(size=400)
    value, low, high = half_sampling_interval(lambda rows: float(drawn[rows].mean()), np.arange(400), halves=400)
    assert value == drawn.mean() and high - low == pytest.approx(2 * 1.96 * drawn.std() / 20, rel=0.15)
    fourfold, images = drawn.repeat(4), np.arange(400).repeat(4)
    of_images = half_sampling_interval(lambda rows: float(fourfold[rows].mean()), images, halves=400)
    assert of_images == pytest.approx((value, low, high)), "images, and not their rows"


def test_too_few_rows_for_an_interval() -> None:
    value, low, high = half_sampling_interval(lambda rows: float(len(rows)), [0, 1, 2])
    assert value == 3 and np.isnan([low, high]).all()
