"""Which of two searches from the same images wins a measure."""

from pathlib import Path

import numpy as np
import pytest

from benchmarks.wins import compared, verdict
from tests.report.synthetic import write_run


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_run(tmp_path / "runs" / "digits", n=120, size=8, others=("paper_control",))


def test_a_row_is_compared_with_its_own(folder: Path) -> None:
    """Images differ far more than the searches do: each value is known badly, their difference well."""
    rng = np.random.default_rng(0)
    pair, other = compared(folder)
    assert [pair.name, other.name] == ["runs/digits: control", "runs/digits: paper_control"]
    size = pair.samples.means["l2_x"].sample(frac=1, random_state=0) * 0 + rng.gamma(
        2, 5, len(pair.samples.means["l2_x"])
    )
    pair.samples.means["l2_x"], pair.of_control.means["l2_x"] = size, size - 0.2 + 0.1 * rng.normal(size=len(size))
    assert verdict(pair, "l2_x", more=False).endswith("**control**")
    assert verdict(pair, "l2_x", more=True).endswith(": Z")
    pair.of_control.means["l2_x"] = size.sample(frac=1, random_state=1).set_axis(size.index) - 0.2
    assert verdict(pair, "l2_x", more=False).endswith("neither")


def test_shares_of_the_same_rows_and_distances_of_sets(folder: Path) -> None:
    pair = compared(folder)[0]
    flips = pair.samples.shares["flip_rate"] * 0 + 1
    pair.samples.shares["flip_rate"], pair.of_control.shares["flip_rate"] = flips, flips * (np.arange(len(flips)) > 3)
    assert verdict(pair, "flip_rate", more=True).endswith("neither"), "four of 120 may be chance"
    pair.of_control.shares["flip_rate"] = flips * (np.arange(len(flips)) > 12)
    assert verdict(pair, "flip_rate", more=True).endswith(": Z")
    for bounds, winner in (([5.0, 6.0], "Z"), ([4.1, 6.0], "neither"), ([1.0, 2.0], "**control**"), (None, "neither")):
        pair.summary["intervals"]["fid"], pair.control["intervals"]["fid"] = [4.0, 4.4], bounds
        assert verdict(pair, "fid", more=False).endswith(winner)
    assert verdict(pair, "im2", more=False) == "", "which no summary has"


def test_the_first_oracle_stands_for_all(folder: Path) -> None:
    pair = compared(folder)[0]
    pair.summary.update(oracle="svm", oracle_accuracy=0.9)
    pair.control["oracle_accuracy"] = 0.3
    assert verdict(pair, "oracle_accuracy", more=True) == "0.9 / 0.3: Z"
