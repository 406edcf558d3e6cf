from pathlib import Path

from metrics import certify
from report.reasons import reasons
from results.reader import Results
from tests.report.synthetic import write_run


def test_counts_are_those_of_the_table(tmp_path: Path) -> None:
    results = Results(write_run(tmp_path / "run", n=300, size=8, others=("liu",)))
    for prefix in ("", "control_"):
        certificates = certify(results.table, prefix)
        results.table[certificates.columns] = certificates
    found = reasons(results)
    assert found.results == ["counterfactual", "liu", "control"]
    rows = dict(found.rows)
    assert {"off the data manifold", "no counterfactual: timeout", "svm disagrees", "cnn disagrees"} <= set(rows)
    for reason, counts in rows.items():
        for prefix, count in zip(("", "liu_", "control_"), counts, strict=True):
            assert count == results.table[f"{prefix}certificate_reasons"].str.contains(reason, regex=False).sum()
    assert rows["no counterfactual: timeout"][0] == (results.table["status"] == "timeout").sum()
    own = [counts[0] for _, counts in found.rows]
    assert own == sorted(own, reverse=True)


def test_without_certificates_there_are_none(tmp_path: Path) -> None:
    results = Results(write_run(tmp_path / "run", n=20, size=8))
    results.table["certificate_reasons"] = ""
    assert reasons(results).results == ["counterfactual", "control"]
    results.table = results.table.drop(columns="certificate_reasons")
    assert reasons(results).results == ["control"]
    results.table = results.table.drop(columns="control_certificate_reasons")
    assert reasons(results) == ([], [])
