"""The rule by which the first screen's searches are chosen."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from report.answer.representatives import representatives, rule
from results.reader import Results
from tests.report.synthetic import write_run


@pytest.fixture
def results(tmp_path: Path) -> Results:
    """Pairs 0 → 1 with 5 flipped rows, 0 → 2 with 3, 1 → 0 with 2, in the order 1 → 0, 0 → 1, 0 → 2; then a timeout."""
    results = Results(write_run(tmp_path / "run", n=11, size=8, classes=3))
    pairs = [(1, 0)] * 2 + [(0, 1)] * 5 + [(0, 2)] * 3 + [(0, 1)]
    sizes = [10.0, 20.0, 1.0, 2.0, 3.0, 4.0, 90.0, 5.0, 6.0, 7.0, 3.0]
    source, target = np.array(pairs).T
    results.table = results.table.assign(
        source=source, target=target, l1_x=sizes, status=["flipped"] * 10 + ["timeout"], certificate="green"
    )
    return results


def test_most_frequent_pairs_first_and_again_from_the_first(results: Results) -> None:
    assert representatives(results) == [4, 8, 0, 3, 7, 1], "each time the row nearest the pair's median, then the next"
    assert representatives(results, 2) == [4, 8]
    assert representatives(results, 20)[6:] == [5, 9, 2, 6], "until there are no more; the timeout never"
    assert representatives(results) == representatives(results)


def test_green_comes_before_what_is_nearer(results: Results) -> None:
    results.table["certificate"] = ["red", "amber", "red", "amber", "", "amber", "green", *["green"] * 4]
    assert representatives(results, 20) == [6, 8, 1, 3, 7, 0, 5, 9, 2, 4]
    assert "green certificates first, then amber" in rule(results)
    results.table["certificate"] = ""
    assert representatives(results, 3) == [4, 8, 0] and "certificate" not in rule(results)


def test_the_median_is_that_of_all_flipped_rows_of_the_pair(results: Results) -> None:
    results.table["certificate"] = ["green", "red", *["green"] * 3, *["red"] * 2, *["green"] * 4]
    results.table.loc[[2, 3, 4], "l1_x"] = [1.0, 2.0, 60.0]
    results.table.loc[[5, 6], "l1_x"] = [70.0, 90.0]
    assert representatives(results, 1) == [4], "60; among the green ones alone it would be 2"


def test_sizes_that_are_missing(results: Results) -> None:
    results.table.loc[4, "l1_x"] = float("nan")
    assert representatives(results, 20)[9] == 4
    results.table["l1_x"] = float("nan")
    assert representatives(results, 3) == [2, 7, 0]
    results.table = results.table.drop(columns="l1_x").assign(l2_x=results.table["index"] * 1.0)
    assert representatives(results, 1) == [4]


def test_no_flipped_rows(results: Results) -> None:
    results.table["status"] = "timeout"
    assert representatives(results) == []


def test_values_by_target_where_these_are_few(results: Results) -> None:
    results.class_names = []
    results.table["target"] = [2.0, 2.0, 8.0, 8.0, 8.0, 8.0, 8.0, 5.0, 5.0, 5.0, 9.0]
    assert representatives(results) == [4, 8, 0, 3, 7, 1] and "6 most frequent target values" in rule(results)
    results.table["target"] = np.arange(11.0)
    assert representatives(results, 3) == [7, 8, 5], "each its own: the ones nearest the median of all, 5.5"
    assert "most frequent" not in rule(results)


def test_the_order_of_other_columns_does_not_matter(results: Results) -> None:
    chosen = representatives(results)
    results.table = pd.DataFrame(results.table[sorted(results.table)])
    assert representatives(results) == chosen
