import json
from pathlib import Path

import pandas as pd
import pytest

from networks import InputError
from results.reader import Results
from results.summary import FORMAT
from tests.report.synthetic import write_run


def test_results_in_order(tmp_path: Path) -> None:
    results = Results(write_run(tmp_path / "run", n=30, size=8, others=("liu",)))
    assert results.names == ["", "liu", "control"] and results.shape == (1, 8, 8)
    assert results.oracles() == ["svm", "cnn"] and results.name_of(2) == "class 2"
    pairs = list(results.pairs())
    assert sum(len(rows) for _, rows in pairs) == results.flipped("").sum()
    assert [len(rows) for _, rows in pairs] == sorted((len(rows) for _, rows in pairs), reverse=True)


def test_older_folders_have_indices_for_names(tmp_path: Path) -> None:
    folder = write_run(tmp_path / "run", n=30, size=8, classes=3)
    summary = json.loads((folder / "summary.json").read_text())
    del summary["class_names"]
    (folder / "summary.json").write_text(json.dumps(summary))
    assert Results(folder).class_names == ["0", "1", "2"]
    assert Results(folder, ["a", "b", "c"]).name_of(1) == "b"
    table = pd.read_parquet(folder / "counterfactuals.parquet")
    table["target"] = table["target"] * 1.5
    table.to_parquet(folder / "counterfactuals.parquet")
    assert Results(folder).class_names == [] and Results(folder).name_of(1.5) == "1.5"


def test_what_is_missing_is_said(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no folder .*nowhere"):
        Results(tmp_path / "nowhere")
    with pytest.raises(
        InputError, match=r"holds no finished run .summary.json, counterfactuals.parquet, .* missing.: finish it"
    ):
        Results(tmp_path)
    (tmp_path / "shards").mkdir()
    with pytest.raises(InputError, match=r"holds an unfinished run .summary.json, .* finish it with its own command"):
        Results(tmp_path)


def test_a_folder_of_another_version_says_so(tmp_path: Path) -> None:
    folder = write_run(tmp_path / "run", n=30, size=8, classes=3)
    summary = json.loads((folder / "summary.json").read_text())
    for written, age in ((FORMAT, ""), (None, "written by an older OnManifold, in format 1 instead of 2: ")):
        summary.pop("format", None)
        summary |= {} if written is None else {"format": written}
        (folder / "summary.json").write_text(json.dumps(summary))
        assert Results(folder).age.startswith(age) and bool(Results(folder).age) == bool(age)
    (folder / "summary.json").write_text(json.dumps({**summary, "format": FORMAT + 1}))
    with pytest.raises(InputError, match=r"was written by a newer OnManifold, in format 3; this one reads up to 2"):
        Results(folder)
