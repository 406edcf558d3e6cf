"""Folders that were edited by hand, cut off, or put together from two runs: one sentence each, and nothing is shown."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from safetensors.torch import load_file, save_file

from networks import InputError
from results.reader import Results
from tests.report.synthetic import write_run

N = 12
TABLE, TENSORS, SUMMARY = "counterfactuals.parquet", "counterfactuals.safetensors", "summary.json"


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = write_run(tmp_path_factory.mktemp("runs") / "sound", n=N, size=8, others=("liu",), path=3)
    tensors, table = load_file(folder / TENSORS), pd.read_parquet(folder / TABLE)
    save_file({**tensors, "index": torch.arange(N), "target": torch.tensor(table["target"])}, folder / TENSORS)
    Results(folder)
    return folder


@pytest.fixture
def folder(sound: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(sound, tmp_path / "run"))


def told(folder: Path) -> str:
    with pytest.raises(InputError) as error:
        Results(folder)
    text = str(error.value)
    assert "\n" not in text and str(folder) in text and len(text) < 600
    return text


@pytest.mark.parametrize("name", [SUMMARY, TABLE, TENSORS, "neighbours.safetensors"])
@pytest.mark.parametrize("damage", ["cut", "empty", "zeros", "other", "folder"])
def test_a_damaged_file(folder: Path, name: str, damage: str) -> None:
    file, data = folder / name, (folder / name).read_bytes()
    if damage == "folder":
        if name == "neighbours.safetensors":
            return
        file.unlink()
        file.mkdir()
        assert f"({name} missing)" in told(folder)
        return
    changed = {"cut": data[: len(data) // 2], "empty": b"", "zeros": bytes(len(data)), "other": b"GIF89a\xff\xfe"}
    file.write_bytes(changed[damage])
    assert f"{name}' is damaged or not a run's (" in told(folder)


def rewritten(change: Callable[[dict[str, Any]], Any]) -> Callable[[Path], None]:
    def edit(folder: Path) -> None:
        summary = json.loads((folder / SUMMARY).read_text())
        given = change(summary)
        (folder / SUMMARY).write_text(json.dumps(summary if given is None else given))

    return edit


def put(value: Any, *keys: str) -> Callable[[Path], None]:
    def change(summary: dict[str, Any]) -> None:
        for key in keys[:-1]:
            summary = summary[key]
        summary[keys[-1]] = value

    return rewritten(change)


@pytest.mark.parametrize(
    "edit, words",
    [
        (put(7.5, "flip_rate"), "wrong value for flip_rate"),
        (put("many", "l2_x"), "wrong value for l2_x"),
        (put(float("nan"), "fid"), "wrong value for fid"),
        (put(10**400, "control", "fid"), "wrong value for control/fid"),
        (put([1], "others", "liu", "margin"), "wrong value for liu/margin"),
        (put(True, "kid"), "wrong value for kid"),
        (put(None, "others"), "wrong value for others"),
        (put([], "control"), "wrong value for control"),
        (put([1, 2], "class_names"), "wrong value for class_names"),
        (put({"sigma": [1.0], "index": []}, "spectrum"), "wrong value for spectrum"),
        (put([[1]], "intervals", "l2_x"), "wrong value for intervals"),
        (put(1.5, "oracle_base/svm"), "wrong value for oracle_base/svm"),
        (put("much", "control", "oracle_gain/all"), "wrong value for control/oracle_gain/all"),
        (put({"fid": -3}, "rows"), "wrong value for rows"),
        (put(["p"], "confidence_is"), "wrong value for confidence_is"),
        (put({"green": -1}, "certificate"), "wrong value for certificate"),
        (put({"checkpoints": 5}, "provenance"), "wrong value for provenance"),
        (put({"problems": "one"}, "quality"), "wrong value for quality"),
        (put({"r": [1.0], "share": {"model": []}}, "relaxation_grid"), "wrong value for relaxation_grid"),
        (put([{"target": 1}], "values"), "wrong value for values"),
        (rewritten(lambda summary: [summary]), "it is no dictionary"),
        (put(["a", "b"], "class_names"), "has a class in column label that is none of the 2 whose names are known"),
        (put({}, "others", "unknown"), "has no column unknown_status, unknown_prediction, unknown_confidence in its"),
        (put(N + 1, "n"), f"has {N} searches in its table and {N + 1} in its summary: they are of two runs"),
        (put(0.123, "flip_rate"), "has another flip_rate in its summary than its table comes to: they are of two runs"),
        (put(7, "control", "failed"), "has another control/failed in its summary than its table comes to"),
    ],
)
def test_a_summary_that_does_not_fit(folder: Path, edit: Callable[[Path], None], words: str) -> None:
    edit(folder)
    assert words in told(folder)


def test_an_older_folder_may_lack_provenance(folder: Path) -> None:
    rewritten(lambda summary: {k: v for k, v in summary.items() if k not in ("provenance", "class_names")})(folder)
    assert Results(folder).class_names[:2] == ["0", "1"]


@pytest.mark.parametrize(
    "edit, words",
    [
        (lambda t: t.drop(columns="control_l2_z"), "has no column control_l2_z in its table"),
        (lambda t: t.drop(columns=["number", "status"]), "has no column number, status in its table"),
        (lambda t: t.assign(target=99), "has a class in column target that is none of the 10"),
        (lambda t: t.assign(liu_oracle_svm=-1), "has a class in column liu_oracle_svm that is none of the 10"),
        (
            lambda t: t.assign(reconstruction_oracle_svm=10),
            "has a class in column reconstruction_oracle_svm that is none",
        ),
        (lambda t: t.assign(prediction=0.5), "has a class in column prediction that is none of the 10"),
        (lambda t: t.assign(l2_x="far"), "has a column l2_x of another kind than a run leaves"),
        (lambda t: t.assign(steps=True), "has a column steps of another kind"),
        (lambda t: t.assign(target=t.target.astype(str)), "has a column target of another kind"),
        (lambda t: t.assign(status="done"), "has a column status of another kind"),
        (lambda t: t.assign(liu_certificate="blue"), "has a column liu_certificate of another kind"),
        (lambda t: t.assign(reason=3), "has a column reason of another kind"),
        (lambda t: t.assign(index=0.5), "has a column index of another kind"),
        (lambda t: t.assign(index=0), "has searches in its table more than once"),
        (lambda t: t.assign(index=t["index"] + 1), "has another index in its table than in its tensors"),
        (lambda t: t.assign(target=(t.target + 1) % 10), "has another target in its table than in its tensors"),
        (lambda t: t.iloc[:2], f"has 2 rows in its table and {N} in the tensor"),
        (lambda t: t.iloc[:0], "has a table without searches"),
        (lambda t: pd.concat([t, t]), "has searches in its table more than once"),
        (lambda t: pd.DataFrame({"a": [1]}), "has no column index, number, label in its table"),
    ],
)
def test_a_table_that_does_not_fit(folder: Path, edit: Callable[[pd.DataFrame], pd.DataFrame], words: str) -> None:
    edit(pd.read_parquet(folder / TABLE)).to_parquet(folder / TABLE)
    assert words in told(folder)


@pytest.mark.parametrize(
    "edit, words",
    [
        (lambda t: {"x": t["x"]}, "has no counterfactual among its tensors"),
        (lambda t: {**t, "x": t["x"][:5]}, f"has {N} rows in its table and 5 in the tensor x"),
        (lambda t: {**t, "scalar": torch.tensor(1.0)}, "and 0 in the tensor scalar"),
        (lambda t: {**t, "counterfactual": t["x"][..., :4]}, "has a tensor counterfactual of another shape than x"),
        (lambda t: {**t, "liu_counterfactual": t["x"].byte()}, "has a tensor liu_counterfactual that is no image"),
        (lambda t: {**t, "path": t["path"][..., :4]}, "has a tensor path of another shape than x"),
        (
            lambda t: {k: v.expand(-1, 5, -1, -1) if v.dim() == 4 else v for k, v in t.items()},
            "has images of 5 channels; a picture has 1 or 3",
        ),
        (lambda t: {**t, "index": torch.arange(N) + 1}, "has another index in its table than in its tensors"),
    ],
)
def test_tensors_that_do_not_fit(
    folder: Path, edit: Callable[[dict[str, torch.Tensor]], dict[str, torch.Tensor]], words: str
) -> None:
    tensors = edit(load_file(folder / TENSORS))
    save_file({name: t.contiguous().clone() for name, t in tensors.items()}, folder / TENSORS)
    assert words in told(folder)


def test_neighbours_of_another_run(folder: Path) -> None:
    save_file(
        {"positions": torch.arange(3), "images": torch.zeros(3, 1, 9, 9).byte()}, folder / "neighbours.safetensors"
    )
    assert "has neighbours.safetensors of another run or kind" in told(folder)


@pytest.mark.parametrize("maps", [torch.zeros(3, 9, 9).byte(), torch.zeros(N + 1, 8, 8).byte(), torch.zeros(3, 8, 8)])
def test_attributions_of_another_run(folder: Path, maps: torch.Tensor) -> None:
    save_file({"attribution": maps}, folder / "attributions.safetensors")
    assert "has attributions.safetensors of another run or kind" in told(folder)


def test_two_runs_files_in_one_folder(folder: Path, tmp_path: Path) -> None:
    """What a kill between two files used to leave."""
    other = write_run(tmp_path / "other", n=N, size=8, others=("liu",), texture=0.5)
    table = pd.read_parquet(other / TABLE)
    table.loc[table["status"] == "flipped", "status"] = np.where(table["index"] % 2, "flipped", "timeout")[
        table["status"] == "flipped"
    ]
    table.to_parquet(folder / TABLE)
    assert "in its summary than its table comes to: they are of two runs" in told(folder)
