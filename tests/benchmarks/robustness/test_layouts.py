"""The table of layouts says what is true."""

from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.robustness.layouts import CASES, main, make, run, what_is_wrong


def test_a_case_end_to_end(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--home", str(tmp_path), "--only", "Training/Testing"]) == 0
    row = capsys.readouterr().out.splitlines()[-1]
    assert "<br>splits: train 72, val 8, test 40 (val cut from train by seed 0, every class in its share)<br>" in row


def test_what_is_not_so_is_noticed(tmp_path: Path) -> None:
    case = CASES["images and masks"]
    make(case, tmp_path)
    printed = run(case, tmp_path, tmp_path)
    assert not what_is_wrong(case, printed, tmp_path)
    assert what_is_wrong(replace(case, said=["another"]), printed, tmp_path) == ["never said: another"]
    assert what_is_wrong(case, "ImageFolder: 3 images", tmp_path)[-1] == "it was not refused"
