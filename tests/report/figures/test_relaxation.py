import json
from pathlib import Path

import pytest

from report.figures.relaxation import relaxation_rows, relaxation_shares
from results.reader import Results
from tests.report.synthetic import write_run


@pytest.fixture
def results(tmp_path: Path) -> Results:
    folder = write_run(tmp_path / "run", n=40, size=8, path=3)
    summary = json.loads((folder / "summary.json").read_text())
    summary["relaxation_grid"] = {"r": [1.0, 0.5, 0.0], "share": {"model": [0.1, 0.5, 1.0], "svm": [0.0, 0.4, 0.7]}}
    (folder / "summary.json").write_text(json.dumps(summary))
    results = Results(folder)
    for r in ("1", "0.5", "0"):
        results.table[f"p_r{r}"] = 0.25
    return results


def test_a_row_an_image_and_a_column_an_r(results: Results) -> None:
    figure = relaxation_rows(results)
    assert figure is not None and len(figure.axes) == 8 * 5
    titles = [axes.get_title() for axes in figure.axes]
    assert titles[2:5] == ["r = 1\np = 0.25", "r = 0.5\np = 0.25", "r = 0\np = 0.25"]
    assert all(axes.images for axes in figure.axes)


def test_a_line_a_judge(results: Results) -> None:
    figure = relaxation_shares(results)
    assert figure is not None
    assert [line.get_ydata().tolist() for line in figure.axes[0].lines] == [[10, 50, 100], [0, 40, 70]]


def test_other_methods_have_none(tmp_path: Path) -> None:
    results = Results(write_run(tmp_path / "plain", n=20, size=8))
    assert relaxation_rows(results) is None and relaxation_shares(results) is None
