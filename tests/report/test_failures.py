from pathlib import Path

from report.failures import TIMED_OUT, failures
from results.reader import Results
from tests.report.synthetic import write_run


def test_failures_with_their_reasons(tmp_path: Path) -> None:
    results = Results(write_run(tmp_path / "run", n=400, size=8))
    own = [f for f in failures(results) if f.result == "counterfactual"]
    assert {(f.status, f.reason) for f in own} == {
        ("timeout", TIMED_OUT),
        ("failed", "the chart's numbers are not finite"),
    }
    assert sum(f.searches for f in own) == results.table["status"].isin(["timeout", "failed"]).sum()
    results.table["status"] = results.table["control_status"] = "flipped"
    assert failures(results) == []
