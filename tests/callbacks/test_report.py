from types import SimpleNamespace

import pandas as pd
import pytest

from callbacks.report import Report, failures, terminal_table
from report.numbers import summary_rows


def test_terminal_table() -> None:
    text = terminal_table({"flip_rate": 0.5, "fid": 2.0, "control": {"flip_rate": 1.0, "fid": None}})
    assert "flip rate" in text and "50.0%" in text and "100.0%" in text and "–" in text
    assert [r.label for r in summary_rows({"fid": 1.0})] == ["FID"]


def test_other_ranks_write_nothing(capsys: pytest.CaptureFixture) -> None:
    Report().on_predict_end(SimpleNamespace(is_global_zero=False), None)  # type: ignore[arg-type]
    assert capsys.readouterr().out == ""


def test_failed_searches_are_told_with_their_reason() -> None:
    table = pd.DataFrame({"status": ["failed", "flipped", "failed"], "reason": ["x is not finite", "", "other"]})
    table["control_status"], table["control_reason"] = "flipped", ""
    said = failures(table, {"control": {}})
    assert said == ["failed, of counterfactual: 2 of 3 searches, the first because x is not finite"]
