import numpy as np
import pytest

from metrics import Calibration
from metrics.certificate.calibration import percentile


def real(n: int, seed: int) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    return {"surprise": rng.gumbel(size=n), "error": rng.exponential(size=n)}


TAILS = {"light": lambda rng, n: rng.normal(size=n), "heavy": lambda rng, n: rng.standard_t(2, size=n)}


@pytest.mark.parametrize("n", [60, 180, 500])
@pytest.mark.parametrize("tails", ["light", "heavy"])
def test_false_alarms_of_fresh_real_samples_keep_the_bound(n: int, tails: str) -> None:
    """On average over calibrations they are what conformal prediction says, and they spread as it says."""
    rng = np.random.default_rng(n)
    draw = lambda m: {name: TAILS[tails](rng, m) for name in "abcd"}  # noqa: E731
    shares = []
    for _ in range(400):
        calibration = Calibration(draw(n // 2), draw(n))
        shares.append((calibration.p_value(calibration.nonconformity(draw(1000))) <= 0.04).mean())
    said = calibration.false_alarms(0.04)
    assert said.samples == n and said.expected == int(0.04 * (n + 1)) / (n + 1)
    assert np.mean(shares) == pytest.approx(said.expected, abs=3 * np.std(shares) / 20)
    # Of a thousand samples the share is known to 0.006 only.
    assert np.mean((np.array(shares) > said.low - 0.006) & (np.array(shares) < said.high + 0.006)) > 0.93


def test_the_interval_of_one_calibration() -> None:
    """Shares above uniform order statistics, drawn: the 7th largest of 180."""
    calibration = Calibration({"v": np.arange(9.0)}, {"v": np.arange(180.0)})
    drawn = 1 - np.sort(np.random.default_rng(0).random((4000, 180)), 1)[:, -7]
    said = calibration.false_alarms(0.04)
    assert said.expected == pytest.approx(drawn.mean(), abs=1e-3)
    assert [said.low, said.high] == pytest.approx(np.quantile(drawn, [0.025, 0.975]), abs=3e-3)
    alarms = np.random.default_rng(1).binomial(50, drawn)
    assert calibration.chance_of(6, 50, 0.04) == pytest.approx((alarms >= 6).mean(), abs=0.01)
    assert calibration.false_alarms(0.001)[1:] == (0, 0, 0) and calibration.chance_of(1, 9, 0.001) == 0


def test_one_is_where_the_outer_hundredth_begins() -> None:
    calibration = Calibration({"v": np.arange(101.0)}, {"v": np.arange(101.0)})
    assert calibration.nonconformity({"v": np.array([1.0, 50.0, 99.0, 148.0])}) == pytest.approx([-1, 0, 1, 2])


def test_small_values_are_never_strange() -> None:
    calibration = Calibration({"error": np.arange(101.0)}, {"error": np.arange(101.0)})
    assert calibration.p_value(calibration.nonconformity({"error": np.array([-1000.0])})) == 1


def test_differences_of_rounding_are_not_strange() -> None:
    tiny = {"error": np.linspace(1e-8, 1e-7, 101)}
    calibration = Calibration(tiny, tiny, {"error": 1e-3})
    assert abs(calibration.nonconformity({"error": np.array([1e-9, 3e-7])})).max() < 1e-3


def test_measurements_add_up_and_the_strangest_counts_most() -> None:
    both = {"a": np.arange(101.0), "b": np.arange(101.0)}
    calibration = Calibration(both, both)
    assert calibration.nonconformity({"a": np.array([50.0]), "b": np.array([148.0])}) == pytest.approx(
        np.log(np.exp(0) + np.exp([2]))
    )


def test_what_is_not_finite_is_infinitely_strange() -> None:
    calibration = Calibration(real(50, 1), real(99, 0))
    nonconformity = calibration.nonconformity({"surprise": np.array([np.nan, np.inf]), "error": np.ones(2)})
    assert np.isinf(nonconformity).all() and (calibration.p_value(nonconformity) == 1 / 100).all()


def test_percentile() -> None:
    real = np.append(np.arange(100.0), np.nan)
    assert percentile(real, np.array([-1, 50, 200])).tolist() == [0, 0.5, 1]
    assert np.isnan(percentile(real, np.array([np.nan]))).all() and np.isnan(percentile(real[-1:], np.zeros(2))).all()


def test_a_measurement_that_is_finite_for_no_real_sample_is_left_out() -> None:
    known, n = {"error": np.arange(101.0)}, 101
    calibration = Calibration({**known, "surprise": np.zeros(n)}, {**known, "surprise": np.full(n, np.nan)})
    measured = {"error": np.array([50.0, 99.0]), "surprise": np.array([0.0, np.nan])}
    assert calibration.nonconformity(measured).tolist() == Calibration(known, known).nonconformity(measured).tolist()
    unknown = {"surprise": np.full(n, np.nan)}
    nothing = Calibration(unknown, unknown)
    assert np.isnan(nothing.p_value(nothing.nonconformity({"surprise": np.zeros(3)}))).all()


def test_real_samples_that_are_not_finite_do_not_excuse_others() -> None:
    """Where a third of them counted as infinitely strange, no counterfactual could be off the manifold."""
    values = np.where(np.arange(300) % 3 == 0, np.nan, np.arange(300.0))
    calibration = Calibration({"error": np.arange(100.0)}, {"error": values})
    assert calibration.p_value(calibration.nonconformity({"error": np.array([1e6])})) == pytest.approx(1 / 201)
