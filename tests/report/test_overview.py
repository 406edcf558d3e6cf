from pathlib import Path

from report.overview import Verdict, before, oracles_of, outcome
from results.reader import Results
from tests.report.synthetic import write_run


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


def test_originals_stand_below_the_searches(tmp_path: Path) -> None:
    results = Results(write_run(tmp_path / "run", n=40, size=8))
    assert oracles_of(results.summary) == [""], "an old summary has the first oracle's number alone"
    assert outcome(results, "").verdicts == [Verdict(results.summary["oracle_accuracy"])]
    assert before(results.summary) == {}
    for name, share in (("svm", 0.8), ("cnn", 0.7), ("all", 0.6)):
        results.summary |= {f"oracle_accuracy/{name}": 0.9, f"oracle_accuracy_searched/{name}": share}
        results.summary |= {f"oracle_base/{name}": 0.1, f"oracle_gain/{name}": share - 0.1}
        results.summary["intervals"][f"oracle_gain/{name}"] = [0.3, 0.9]
    assert oracles_of(results.summary) == ["svm", "cnn", "all"]
    assert outcome(results, "").verdicts[2] == Verdict(0.6, 0.6 - 0.1, [0.3, 0.9])
    assert outcome(results, "control").verdicts == [Verdict(None)] * 3
    assert before(results.summary) == {"originals": [Verdict(0.1)] * 3}
