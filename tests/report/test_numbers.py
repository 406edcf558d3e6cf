from report.numbers import summary_rows
from results.meanings import MEANINGS


def test_intervals_stand_with_their_values() -> None:
    (row,) = summary_rows({"l2_x": 2.0, "intervals": {"l2_x": [1.5, 2.5], "fid": [1, 2]}, "control": {"l2_x": 1.0}})
    assert row.values == ["2.000", "1.000"] and row.intervals == ["1.500 – 2.500", ""]
    (row,) = summary_rows({"flip_rate": 0.5, "intervals": {"flip_rate": [0.25, None]}})
    assert row.intervals == [""]


def test_every_oracle_has_its_line_and_every_number_its_rows() -> None:
    both = {
        "oracle_accuracy": 0.5,
        "oracle_accuracy/a": 0.5,
        "oracle_accuracy/b": 0.25,
        "rows": {"oracle_accuracy/b": 1200},
    }
    rows = summary_rows({**both, "control": {"oracle_accuracy": 0.1, "oracle_accuracy/a": 0.1}})
    assert [row.label for row in rows] == ["oracle accuracy: a", "oracle accuracy: b"]
    assert rows[1].values == ["25.0%", "–"] and rows[1].rows == ["n = 1,200", ""] and rows[0].rows == ["", ""]
    (row,) = summary_rows({"oracle_gain": 0.5, "oracle_gain/a": 0.5, "intervals": {"oracle_gain": [-0.1, 0.7]}})
    assert (row.label, row.values, row.intervals) == ("oracle's gain", ["+50.0%"], ["-10.0 – +70.0%"])


def test_every_metric_is_told_in_one_sentence() -> None:
    for label, form, meaning in MEANINGS.values():
        assert label and form.format(0.5) and meaning[-1] not in ".;" and len(meaning) < 120
