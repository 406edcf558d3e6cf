from pathlib import Path

from callbacks.report.overview import outcome
from callbacks.report.results import Results
from tests.callbacks.report.synthetic import write_run


def test_counts_of_every_result(tmp_path: Path) -> None:
    results = Results(write_run(tmp_path / "run", n=400, size=8))
    for name, prefix in (("", ""), ("control", "control_")):
        found, table = outcome(results, name), results.table
        assert found.searched == (table[prefix + "status"] != "already_target").sum()
        assert found.status["flipped"] == (table[prefix + "status"] == "flipped").sum()
        assert sum(found.certificate.values()) == found.searched
    del results.summary["certificate"]
    assert outcome(results, "").certificate["red"] == (results.table["certificate"] == "red").sum()
    del results.table["certificate"]
    assert outcome(results, "").certificate == {}
