from pathlib import Path

import numpy as np
import pytest

from report.figures.values import dose_curve, dose_strips, value_table, values_by_target
from results.reader import Results
from tests.report.synthetic import write_run


@pytest.fixture
def results(tmp_path: Path) -> Results:
    """Ten images, four values each; the model is half a unit above what was asked for, the oracle one below."""
    results = Results(write_run(tmp_path / "run", n=40, size=8), class_names=[])
    table = results.table
    table["index"], table["number"] = np.repeat(np.arange(10), 4), np.tile(np.arange(4), 10)
    table["target"] = np.tile([0.0, 2.0, 4.0, 6.0], 10)
    table["prediction"], table["source"] = table["target"] + 0.5, 3.0
    results.table = table[[c for c in table if "oracle" not in c]].assign(
        oracle_unet=table["target"] - 1, source_oracle_unet=2.5, control_oracle_unet=1.0
    )
    return results


def test_a_strip_an_image(results: Results) -> None:
    figure = dose_strips(results)
    assert figure is not None and len(figure.axes) == 8 * 5
    titles = [axes.get_title() for axes in figure.axes[:5]]
    assert titles == ["x\n3.0 (2.5)", "r = 0\n0.5 (-1.0)", "r = 2\n2.5 (1.0)", "r = 4\n4.5 (3.0)", "r = 6\n6.5 (5.0)"]
    shown = figure.axes[2].images[0].get_array()
    assert np.allclose(shown, results.part("counterfactual", 1, 2)[0, 0].numpy())


def test_a_curve_a_judge(results: Results) -> None:
    figure = dose_curve(results)
    assert figure is not None
    asked, model, oracle, control = (line.get_ydata().tolist() for line in figure.axes[0].lines)
    assert asked == [0, 2, 4, 6] and model == [0.5, 2.5, 4.5, 6.5] and oracle == [-1, 1, 3, 5] and control == [1] * 4


def test_one_value_an_image_or_classes_have_none(results: Results) -> None:
    results.table["number"] = 0
    assert dose_strips(results) is None and dose_curve(results) is None
    results.table["number"], results.class_names = 1, ["a", "b"]
    assert dose_strips(results) is None


def test_a_line_a_result_and_target() -> None:
    up = {"target": 10.0, "n": 4, "reached": 3, "label": 2.0, "source": 2.1, "prediction": 10.2, "neighbours": 8.0}
    up |= {"source_oracle_unet": 2.2, "oracle_unet": 9.0}
    control = {"target": 10.0, "n": 4, "reached": 4, "source": 2.1, "prediction": 10.0, "oracle_unet": None}
    header, rows = value_table({"values": [up], "control": {"values": [control]}})
    assert header == [
        "result",
        "target",
        "searches",
        "reached",
        "label of x",
        "model",
        "oracle unet",
        "neighbours of x′",
    ]
    assert rows[0] == ["counterfactual", "10", "4", "3", "2.00", "2.10 → 10.20", "2.20 → 9.00", "8.00"]
    assert rows[1] == ["control", "10", "4", "4", "–", "2.10 → 10.00", "– → –", "–"]
    assert value_table({"pairs": []})[1] == []


def test_values_stand_under_one_another_by_result_and_target() -> None:
    up, down = {"target": 10.0, "n": 3, "oracle_unet": 9.5}, {"target": 0.0, "n": 2, "oracle_unet": 0.25}
    rows = values_by_target({"values": [up, down], "control": {"values": [up]}, "flip_rate": 1.0})
    assert [(row.pop("result"), row) for row in rows] == [
        ("counterfactual", up),
        ("counterfactual", down),
        ("control", up),
    ]
    assert values_by_target({"flip_rate": 1.0, "control": {}}) == []
