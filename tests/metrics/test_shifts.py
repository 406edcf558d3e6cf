import numpy as np
import pytest
from scipy.stats import ttest_1samp

from metrics.intervals import mean_interval
from metrics.shifts import Shift, holm, shifts

NAN = float("nan")


@pytest.mark.parametrize(
    ("p", "adjusted"),
    [
        ([0.01, 0.04, 0.03, 0.005], [0.03, 0.06, 0.06, 0.02]),
        ([0.02], [0.02]),
        ([0.5, 0.4, 0.9], [1.0, 1.0, 1.0]),
        ([0.02, 0.02, 0.02], [0.06, 0.06, 0.06]),
        ([0.04, NAN, 0.01], [0.04, NAN, 0.02]),  # what is not tested does not count
        ([0.0, 1.0], [0.0, 1.0]),
        ([NAN, NAN], [NAN, NAN]),
        ([], []),
    ],
)
def test_holm_by_hand(p: list[float], adjusted: list[float]) -> None:
    assert holm(p) == pytest.approx(adjusted, nan_ok=True)


def test_holm_keeps_the_order_and_stays_a_probability() -> None:
    rng = np.random.default_rng(0)
    for n in (1, 2, 7, 40):
        p = rng.random(n) ** 3
        adjusted = np.array(holm(p.tolist()))
        assert (adjusted >= p).all() and (adjusted <= np.minimum(n * p, 1) + 1e-15).all(), "Bonferroni is stricter"
        assert (np.diff(adjusted[p.argsort()]) >= 0).all()


def test_each_row_for_itself_is_students_test() -> None:
    changes = np.random.default_rng(1).normal(0.2, 1, 40)
    changes[3] = NAN
    (shift,) = shifts({"smile": changes})
    known = changes[~np.isnan(changes)]
    assert shift.p == pytest.approx(ttest_1samp(known, 0).pvalue)
    assert shift.mean == pytest.approx(known.mean()) and shift.rows == 39
    assert shift.interval == mean_interval(known)


def test_an_image_counts_once_however_many_rows_it_has() -> None:
    rng = np.random.default_rng(2)
    once, images = rng.normal(0.3, 1, 25), np.arange(25)
    (alone,), (fourfold,) = shifts({"a": once}), shifts({"a": once.repeat(4)}, images.repeat(4))
    assert fourfold.p == pytest.approx(alone.p) and fourfold.interval == pytest.approx(alone.interval)
    (blind,) = shifts({"a": once.repeat(4)})
    assert blind.p < 0.1 * alone.p


def test_under_the_null_one_run_in_twenty_finds_something() -> None:
    """Ten attributes of 20 images with 3 rows each, which are alike; without Holm 40 % of the runs would."""
    rng, images = np.random.default_rng(3), np.arange(20).repeat(3)
    found = 0
    for _ in range(400):
        drawn = rng.normal(size=(10, 20, 1)) + 0.3 * rng.normal(size=(10, 20, 3))
        found += any(s.significant() for s in shifts({str(i): row.ravel() for i, row in enumerate(drawn)}, images))
    assert 0.02 <= found / 400 <= 0.08


def test_what_is_there_is_found_among_what_is_not() -> None:
    rng = np.random.default_rng(4)
    changes = {f"none {i}": rng.normal(size=60) for i in range(9)} | {"beard": rng.normal(-0.8, 1, 60)}
    found = shifts(changes)
    assert [s.name for s in found if s.significant()] == ["beard"] and found[0].name == "beard"
    assert found[0].mean < found[0].interval[1] < 0


def test_changes_that_are_all_alike() -> None:
    by_name = {s.name: s for s in shifts({"none": np.zeros(5), "down": np.full(5, -0.5), "tenth": np.full(7, 0.1)})}
    assert by_name["none"].p == 1 and not by_name["none"].significant()
    assert by_name["down"].p == 0 and by_name["down"].significant() and by_name["down"].mean == -0.5
    assert by_name["tenth"].p < 1e-12, "whatever the mean is rounded to"


def test_the_largest_comes_first_whatever_its_sign() -> None:
    changes = {"small": [0.1, 0.1, 0.2], "unknown": [NAN] * 3, "down": [-3.0, -2.0, -1.0], "up": [1.0, 1.0, 1.1]}
    found = shifts(changes)
    assert [s.name for s in found] == ["down", "up", "small", "unknown"]
    unknown = found[-1]
    assert unknown.rows == 0 and np.isnan([unknown.mean, unknown.p, *unknown.interval]).all()
    assert not unknown.significant() and shifts({}) == []


def test_of_one_image_alone_nothing_is_known() -> None:
    (shift,) = shifts({"a": [0.5, 0.6, 0.4]}, [7, 7, 7])
    assert shift.mean == pytest.approx(0.5) and np.isnan(shift.p) and not shift.significant()


def test_significance_has_a_level() -> None:
    shift = Shift("a", 1.0, (0.1, 1.9), 0.03, 9)
    assert shift.significant() and not shift.significant(0.99)
