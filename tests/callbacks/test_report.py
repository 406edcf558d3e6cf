from types import SimpleNamespace

import pandas as pd
import pytest

from callbacks.report import Report, failures, headline_table, terminal_table
from report.numbers import summary_rows


def test_terminal_table() -> None:
    text = terminal_table({"flip_rate": 0.5, "fid": 2.0, "control": {"flip_rate": 1.0, "fid": None}})
    assert "flip rate" in text and "50.0%" in text and "100.0%" in text and "–" in text
    assert [r.label for r in summary_rows({"fid": 1.0})] == ["FID"]
    assert text.splitlines()[1:] == [
        "             counterfactual  control",
        "how the searches ended",
        "  flip rate           50.0%   100.0%",
        "",
        "like real ones?",
        "  FID                  2.00        –",
    ]


def test_the_first_numbers_have_intervals_and_words() -> None:
    summary = {"flip_rate": 0.5, "intervals": {"flip_rate": [0.4, 0.6]}, "l1_x": 3.0, "control": {"flip_rate": 1.0}}
    head, flips, size = headline_table(summary).splitlines()
    assert head.split() == ["counterfactual", "control"]
    assert flips == "flip rate  50.0% (40.0 – 60.0%)  100.0%   of the searches reached their target"
    assert size.split()[:3] == ["L1", "in", "X"] and "–" in size


def test_other_ranks_write_nothing(capsys: pytest.CaptureFixture) -> None:
    Report().on_predict_end(SimpleNamespace(is_global_zero=False), None)  # type: ignore[arg-type]
    assert capsys.readouterr().out == ""


def test_failed_searches_are_told_with_their_reason() -> None:
    table = pd.DataFrame({"status": ["failed", "flipped", "failed"], "reason": ["x is not finite", "", "other"]})
    table["control_status"], table["control_reason"] = "flipped", ""
    said = failures(table, {"control": {}})
    assert said == ["failed, of counterfactual: 2 of 3 searches, the first because x is not finite"]
