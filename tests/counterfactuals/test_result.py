import html
import json
import os
import re
from dataclasses import fields, replace
from pathlib import Path

import pandas as pd
import pytest
import torch
from safetensors.torch import load_file, save_file

from counterfactuals import Counterfactuals, InputError, Status, explain
from counterfactuals.explanation import Explanation
from results.table import rows_of
from tests.support.searches import REASON, searches


def test_rows_and_moving(linear_chart, linear_predictor) -> None:
    x = torch.randn(9, 6)
    cf = explain(linear_predictor, linear_chart, x, 1)
    assert torch.equal(cf.searched, cf.status != Status.ALREADY_TARGET)
    moved = cf.to("cpu")
    assert torch.equal(moved.counterfactual, cf.counterfactual) and moved.reasons == cf.reasons


def test_a_table_of_what_was_found() -> None:
    cf = searches(5, (1, 8, 8))
    frame = cf.to_frame(class_names=["a", "b", "c"])
    assert frame["source"].tolist() == ["a", "b", "c", "a", "b"] and frame["target"][0] == "b"
    assert frame["status"].tolist() == ["flipped", "timeout", "already_target", "failed", "flipped"]
    assert frame["reason"].tolist() == ["", "", "", REASON, ""]
    change = (cf.counterfactual - cf.x).flatten(1)
    assert torch.allclose(torch.tensor(frame["l1_x"]), change.abs().sum(1))
    assert torch.allclose(torch.tensor(frame["l2_x"]), change.square().sum(1).sqrt())
    assert "relaxation" not in frame
    assert replace(cf, relaxation=torch.ones(5)).to_frame()["relaxation"].tolist() == [1.0] * 5
    assert cf.to_frame()["source"].tolist() == [0, 1, 2, 0, 1]


def test_the_table_s_columns_are_those_of_a_run() -> None:
    cf = searches(5, (1, 8, 8), relaxation=torch.rand(5))
    n = torch.arange(5)
    run, frame = rows_of(Explanation("", n, n, n, cf, torch.ones(5))), cf.to_frame()
    pd.testing.assert_frame_equal(frame, run[list(frame)])


def test_names_that_do_not_fit() -> None:
    cf = searches(5, (6,))
    with pytest.raises(InputError, match="class_names has 2 names, and there is a class 2: name them all"):
        cf.to_frame(["a", "b"])
    with pytest.raises(InputError, match="must be a list of names, in the order of the classes; got 'abc'"):
        cf.to_frame("abc")
    values = replace(cf, source=torch.rand(5), target=torch.rand(5), prediction=torch.rand(5))
    assert values.to_frame()["target"].dtype == float
    with pytest.raises(InputError, match="class_names is for classes, and these counterfactuals are of values"):
        values.to_frame(["a", "b", "c"])


def test_in_a_notebook() -> None:
    cf = searches(23, (3, 100, 80), reasons=("<script>",) * 23)
    shown = cf._repr_html_()
    assert "23 searches: 6 flipped, 6 timeout, 6 already target, 5 failed; the first 10:" in shown
    assert shown.count("<tr>") == 11 and shown.count("data:image/png;base64,") == 20
    assert "<script>" not in shown and html.escape("<script>") in shown
    assert len(shown) < 300_000, "small pictures"
    assert "<th>reason</th>" in shown and "<th>reason</th>" not in searches(3, (6,))._repr_html_(), "none has failed"
    assert "<img" not in searches(3, (6,))._repr_html_() and "<img" not in searches(3, (4, 8, 8))._repr_html_()
    assert (
        repr(cf) == "<Counterfactuals of shape 3×100×80, 23 searches: 6 flipped, 6 timeout, 6 already target, 5 failed>"
    )


def test_what_was_saved_comes_back_exactly(tmp_path: Path) -> None:
    plain = searches(5, (1, 8, 8))
    full = replace(plain, path=torch.rand(5, 3, 1, 8, 8), relaxation=torch.tensor([0.5, torch.nan, 1, 0, 0.25]))
    values = searches(4, (6,), source=torch.rand(4), target=torch.rand(4), prediction=torch.rand(4))
    shared = replace(plain, reconstruction=plain.x, counterfactual=plain.x.transpose(2, 3))
    for i, cf in enumerate([plain, full, values, shared, plain.take(torch.arange(0))]):
        cf.save(tmp_path / f"{i}.safetensors")
        found = Counterfactuals.load(str(tmp_path / f"{i}.safetensors"))
        assert found.reasons == cf.reasons
        for name in (f.name for f in fields(cf) if f.name != "reasons"):
            kept, back = getattr(cf, name), getattr(found, name)
            assert kept is back is None or (
                kept.dtype == back.dtype and torch.equal(kept.nan_to_num(7), back.nan_to_num(7))
            )
    assert len(list(tmp_path.iterdir())) == 5, "nothing is left beside them"


def test_a_failure_leaves_what_was_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "cf.safetensors"
    searches(3, (6,)).save(file)
    before = file.read_bytes()

    def full(descriptor: int) -> None:
        raise OSError("No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        searches(9, (6,)).save(file)
    assert file.read_bytes() == before and list(tmp_path.iterdir()) == [file]


def test_where_nothing_can_be_written(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be written: it is a folder"):
        searches(3, (6,)).save(tmp_path)
    with pytest.raises(InputError, match=r"there is no folder '.*none': make it first"):
        searches(3, (6,)).save(tmp_path / "none" / "cf.safetensors")


BROKEN = {
    "there is no z_prime in it": lambda tensors, words: tensors.pop("z_prime"),
    "steps has 2 rows, and there are reasons for 3": lambda tensors, words: tensors.update(steps=torch.arange(2)),
    "status has no rows": lambda tensors, words: tensors.update(status=torch.tensor(0)),
    r"counterfactual is of shape \(3, 5\), and not \(3, 6\)": lambda tensors, words: tensors.update(
        counterfactual=torch.rand(3, 5)
    ),
    r"relaxation is of shape \(3, 1\), and not one number a row": lambda tensors, words: tensors.update(
        relaxation=torch.rand(3, 1)
    ),
    "status holds codes that there are not": lambda tensors, words: tensors.update(status=torch.full((3,), 9)),
    "another program has written it": lambda tensors, words: words.clear(),
    "its format is '2', and this version reads '1'": lambda tensors, words: words.update(version="2"),
    "its reasons are no list of words": lambda tensors, words: words.update(reasons="[1, 2, 3]"),
    "reasons are no list": lambda tensors, words: words.update(reasons="[" * 10**5),
    "there are reasons for 2": lambda tensors, words: words.update(reasons=json.dumps(["", ""])),
}


@pytest.mark.parametrize("problem", BROKEN)
def test_a_file_that_does_not_fit_together(problem: str, tmp_path: Path) -> None:
    file = tmp_path / "cf.safetensors"
    searches(3, (6,)).save(file)
    words = {"kind": "onmanifold.Counterfactuals", "version": "1", "reasons": json.dumps(["", "", ""])}
    tensors = load_file(file)
    BROKEN[problem](tensors, words)
    save_file(tensors, file, words)
    with pytest.raises(InputError, match=f"holds no counterfactuals that save has written: .*{problem}"):
        Counterfactuals.load(file)


def test_files_that_are_none(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=re.escape(f"there is no file {str(tmp_path / 'none')!r}")):
        Counterfactuals.load(tmp_path / "none")
    with pytest.raises(InputError, match="it is a folder"):
        Counterfactuals.load(tmp_path)
    searches(3, (6,)).save(tmp_path / "cut")
    (tmp_path / "cut").write_bytes((tmp_path / "cut").read_bytes()[:-9])
    torch.save({"x": torch.rand(3)}, tmp_path / "pickled")
    (tmp_path / "empty").touch()
    (tmp_path / "text").write_text("x, y\n" * 100)
    for name in ("cut", "pickled", "empty", "text"):
        with pytest.raises(InputError, match="it is no whole safetensors file"):
            Counterfactuals.load(tmp_path / name)
