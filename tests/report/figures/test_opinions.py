from pathlib import Path

import pytest

from report.figures.distances import distance_histograms
from report.figures.opinions import neighbour_figure, oracle_figure
from report.figures.plots import INK
from results.reader import Results
from tests.report.synthetic import write_run


@pytest.fixture
def results(tmp_path: Path) -> Results:
    return Results(write_run(tmp_path / "run", n=300, size=8))


def heights(figure) -> list[float]:
    return [bar.get_height() for bar in figure.axes[0].patches]


def test_bars_are_the_oracles_shares(results: Results) -> None:
    """Of all searches, so that one that rarely flips does not look better than one that always does."""
    table = results.table
    table["source_oracle_svm"], table["source_oracle_cnn"] = table["source"], table["target"]
    shares = []
    for prefix in ("control_", ""):
        searched = table[table[prefix + "status"] != "already_target"]
        agreed = [searched[f"{prefix}oracle_{o}"] == searched["target"] for o in ("svm", "cnn")]
        agreed.append(agreed[0] & agreed[1])
        shares += [100 * (one & (searched[prefix + "status"] == "flipped")).mean() for one in agreed]
    figure = oracle_figure(results)
    assert figure is not None
    assert [t.get_text() for t in figure.axes[0].get_xticklabels()] == ["svm", "cnn", "all"]
    assert heights(figure) == pytest.approx([0, 100, 0, *shares])


def test_both_controls_are_shown(tmp_path: Path) -> None:
    """The one that stops at Λ stands among the others, and is drawn like the other control."""
    results = Results(write_run(tmp_path / "run", n=200, size=8, others=("liu", "paper_control")))
    legends = [figure.legends[0] for figure in (oracle_figure(results), distance_histograms(results)) if figure]
    shown = [{t.get_text() for t in legend.get_texts()} for legend in legends]
    assert shown[0] == {"paper control", "control", "counterfactual"}
    assert "paper control to its own original" in shown[1] and len(distance_histograms(results).axes) == 6
    assert len(heights(neighbour_figure(results))) == 3


def test_values_get_boxes_of_each_target(results: Results) -> None:
    results.class_names = []
    table = results.table
    table["target"] = [0.01, 10.0] * (len(table) // 2)
    table["neighbours"] = table["oracle_svm"] = table["target"] + table.index / 1000
    oracles, neighbours = oracle_figure(results), neighbour_figure(results)
    assert oracles is not None and neighbours is not None
    flipped = table[table["status"] == "flipped"]
    for figure, ticks in ((oracles, ["svm\nr = 0.01", "svm\nr = 10"]), (neighbours, ["r = 0.01", "r = 10"])):
        (axes,) = figure.axes
        assert [t.get_text() for t in axes.get_xticklabels()][:2] == ticks
        medians = {line.get_ydata()[0] for line in axes.lines if line.get_color() == INK}
        for target in (0.01, 10.0):
            median = flipped["oracle_svm"][flipped["target"] == target].median()
            assert any(m == pytest.approx(median) for m in medians)
        dotted = [c.get_segments()[0][:, 1].tolist() for c in axes.collections]
        assert dotted[:2] == [[0.01, 0.01], [10.0, 10.0]]


def test_too_many_targets_share_one_box(results: Results) -> None:
    results.class_names = []
    results.table["target"] = results.table.index.astype(float)
    figure = oracle_figure(results)
    assert figure is not None and [t.get_text() for t in figure.axes[0].get_xticklabels()] == ["svm", "cnn"]
    assert not figure.axes[0].collections


def test_bars_are_the_neighbours_means_with_intervals(results: Results) -> None:
    figure = neighbour_figure(results)
    assert figure is not None
    means = [results.table[p + "neighbours"][results.table[p + "status"] == "flipped"].mean() for p in ("control_", "")]
    assert heights(figure) == pytest.approx([100 * m for m in means])
    low, high = (100 * v for v in results.summary["intervals"]["neighbours"])
    segments = [c.get_segments()[0][:, 1].tolist() for c in figure.axes[0].collections]
    assert segments[1] == pytest.approx([low, high])


def test_a_panel_a_space_and_result(results: Results) -> None:
    figure = distance_histograms(results)
    assert figure is not None and len(figure.axes) == 4
    del results.table["control_l2_z_class"]
    figure = distance_histograms(results)
    assert figure is not None and sum(bool(axes.patches) for axes in figure.axes) == 3


def test_no_data_no_figure(results: Results) -> None:
    keep = [c for c in results.table if "oracle" not in c and "neighbours" not in c and "_class" not in c]
    results.table = results.table[keep]
    assert oracle_figure(results) is neighbour_figure(results) is distance_histograms(results) is None
    results.table["neighbours"] = float("nan")
    assert neighbour_figure(results) is None
