"""The papers' tables are those of the runs' own columns."""

from pathlib import Path

import pytest

from benchmarks.paper_tables import Run, distances, main, means, values_seen
from results.reader import Results
from tests.report.synthetic import write_run


@pytest.fixture
def run(tmp_path: Path) -> Run:
    folder = write_run(tmp_path / "runs" / "digits", n=60, size=8, others=("paper_control",))
    return Run("runs/digits", Results(folder))


def test_means_are_of_what_has_flipped(run: Run) -> None:
    header, row = means([run], "l2_x")
    assert header == ["run", "Z: counterfactual", "X: adversarial example", "X: matched control"]
    for cell, prefix in zip(row[1:], ("", "paper_control_", "control_"), strict=True):
        table = run.results.table[run.results.table[f"{prefix}status"] == "flipped"]
        assert cell == f"{table[f'{prefix}l2_x'].mean():.3g} ± {table[f'{prefix}l2_x'].std(ddof=0):.2g}"


def test_what_no_run_has_measured_is_left_out(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    assert len(means([run], "nothing")) == len(values_seen([run])) == 1 and len(distances([run])) in (1, 4)
    main([str(run.results.folder)])
    said = capsys.readouterr().out
    assert "**Table II: L2 in X" in said and "Fig. 12" not in said and "Table IV" not in said
    tables = [part.split("\n") for part in said.split("\n\n") if part.startswith("| ")]
    assert tables and all(len({line.count("|") for line in table if line}) == 1 for table in tables)


def test_a_vaex_needs_features_for_its_fid(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["runs/vaex:runs/explain_vaex"])
    assert "--extractor" in capsys.readouterr().err
