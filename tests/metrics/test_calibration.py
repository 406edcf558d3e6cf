import numpy as np
import pytest

from metrics import Calibration


def real(n: int, seed: int) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    return {"surprise": rng.gumbel(size=n), "error": rng.exponential(size=n)}


@pytest.mark.parametrize("level", [0.03, 0.1])
def test_false_alarms_among_fresh_real_samples(level: float) -> None:
    calibration, fresh = Calibration(real(2000, 0)), real(20_000, 1)
    alarms = calibration.p_value(calibration.strangeness(fresh)) <= level
    assert alarms.mean() == pytest.approx(level, abs=0.015)


def test_one_is_where_the_outer_hundredth_begins() -> None:
    calibration = Calibration({"v": np.arange(101.0)})
    assert calibration.strangeness({"v": np.array([1.0, 50.0, 99.0, 148.0])}) == pytest.approx([-1, 0, 1, 2])


def test_small_values_are_never_strange() -> None:
    calibration = Calibration({"error": np.arange(101.0)})
    assert calibration.p_value(calibration.strangeness({"error": np.array([-1000.0])})) == 1


def test_differences_of_rounding_are_not_strange() -> None:
    calibration = Calibration({"error": np.linspace(1e-8, 1e-7, 101)}, {"error": 1e-3})
    assert abs(calibration.strangeness({"error": np.array([1e-9, 3e-7])})).max() < 1e-3


def test_measurements_add_up_and_the_strangest_counts_most() -> None:
    calibration = Calibration({"a": np.arange(101.0), "b": np.arange(101.0)})
    assert calibration.strangeness({"a": np.array([50.0]), "b": np.array([148.0])}) == pytest.approx(
        np.log(np.exp(0) + np.exp([2]))
    )


def test_what_is_not_finite_is_infinitely_strange() -> None:
    calibration = Calibration(real(99, 0))
    strangeness = calibration.strangeness({"surprise": np.array([np.nan, np.inf]), "error": np.ones(2)})
    assert np.isinf(strangeness).all() and (calibration.p_value(strangeness) == 1 / 100).all()
    assert np.isnan(calibration.percentile("surprise", np.array([np.nan]))).all()


def test_percentile() -> None:
    assert Calibration({"v": np.arange(100.0)}).percentile("v", np.array([-1, 50, 200])).tolist() == [0, 0.5, 1]


def test_a_measurement_that_is_finite_for_no_real_sample_is_left_out() -> None:
    known, n = {"error": np.arange(101.0)}, 101
    calibration = Calibration({**known, "surprise": np.full(n, np.nan)})
    measured = {"error": np.array([50.0, 99.0]), "surprise": np.array([0.0, np.nan])}
    assert calibration.strangeness(measured).tolist() == Calibration(known).strangeness(measured).tolist()
    assert np.isnan(calibration.percentile("surprise", np.zeros(2))).all()
    nothing = Calibration({"surprise": np.full(n, np.nan)})
    assert np.isnan(nothing.p_value(nothing.strangeness({"surprise": np.zeros(3)}))).all()


def test_real_samples_that_are_not_finite_do_not_excuse_others() -> None:
    """Where a third of them counted as infinitely strange, no counterfactual could be off the manifold."""
    values = np.where(np.arange(300) % 3 == 0, np.nan, np.arange(300.0))
    calibration = Calibration({"error": values})
    assert calibration.p_value(calibration.strangeness({"error": np.array([1e6])})) == pytest.approx(1 / 201)
