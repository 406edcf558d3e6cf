import json
from pathlib import Path

import pandas as pd
import pytest
import torch
from safetensors.torch import load_file

from counterfactuals import Ascent, explain
from counterfactuals.explanation import Explanation
from networks import InputError
from results.files import finite
from results.journal import Journal, Record, read_journal
from results.shards import Shards
from results.summary import loggable, merged
from results.table import merge, rows_of
from tests.support.runs import run_explain

SHORT = [
    "--data.batch_size=16",
    "--data.predict_limit=40",
    "--model.slots=4",
    "--model.method.init_args.max_steps=20",
    "--model.control.init_args.max_steps=10",
    "--model.paper_control=null",
]


def explanation(linear_chart, linear_predictor, index: list[int], name: str = "") -> Explanation:
    n = len(index)
    cf = explain(linear_predictor, linear_chart, torch.randn(n, 6), 1, Ascent(max_steps=20, clip=None))
    return Explanation(
        name,
        torch.tensor(index),
        torch.zeros(n).long(),
        torch.zeros(n).long(),
        cf,
        torch.ones(n),
        {"l2_z": torch.rand(n)},
    )


def test_journals_merge_in_the_order_of_the_index(linear_chart, linear_predictor, tmp_path: Path) -> None:
    shards = tmp_path / "shards"
    shards.mkdir()
    make = lambda index, name="": explanation(linear_chart, linear_predictor, index, name)  # noqa: E731
    parts = [make([4, 0]), make([0, 2, 1], "control"), make([2, 3, 1]), make([4, 3], "control")]
    for rank in (0, 1):
        journal = Journal(shards / f"rank{rank}-0.journal")
        for part in parts[2 * rank : 2 * rank + 2]:
            journal.append(Record(part, part.index, "run", "stamp"))
    table = merge(Shards(shards).explanations("run", "stamp"), tmp_path)
    assert table["index"].tolist() == [0, 1, 2, 3, 4]
    assert {"status", "control_status", "l2_x", "control_l2_x", "confidence_before", "l2_z"} <= set(table)
    assert table["control_l2_z"][4] == parts[3].columns["l2_z"][0]
    tensors = load_file(tmp_path / "counterfactuals.safetensors")
    assert tensors["index"].tolist() == [0, 1, 2, 3, 4]
    assert torch.equal(tensors["x"][0], parts[0].counterfactuals.x[1])
    assert torch.equal(tensors["control_counterfactual"][3], parts[3].counterfactuals.counterfactual[1])
    assert (tmp_path / "counterfactuals.safetensors").stat().st_mode & 0o044, "others may read it, as the umask says"


def test_rows_say_how_a_search_ended(linear_chart, linear_predictor) -> None:
    table = rows_of(explanation(linear_chart, linear_predictor, [0, 1, 2]))
    assert set(table["status"]) <= {"flipped", "timeout", "already_target"} and (table["seconds"] == 1).all()


def test_json_has_no_word_for_nan() -> None:
    assert finite({"a": float("nan"), "b": [float("inf"), 1.0], "c": {"d": 2}}) == {
        "a": None,
        "b": [None, 1.0],
        "c": {"d": 2},
    }


def test_logged_names() -> None:
    summary = {
        "n": 3,
        "fid": 1.5,
        "spectrum": {"sigma": [1], "sigma_max": 2.0},
        "intervals": {"fid": [1.0, 2.0], "l2_x": None, "oracle/svm": [None, None]},
        "certificate": {"green": 2, "red": 1},
        "pairs": [{"source": 1}],
        "control": {"fid": 9.0, "x": None, "intervals": {"fid": [8.0, 9.5]}},
        "others": {"liu": {"fid": 2.5, "certificate": {"green": 0}}},
        "oracle_accuracy": None,
        "provenance": {"versions": {"python": "3.11"}},
    }
    assert loggable(summary) == {
        "cf/n": 3,
        "cf/fid": 1.5,
        "cf/spectrum/sigma_max": 2,
        "cf/intervals/fid/low": 1,
        "cf/intervals/fid/high": 2,
        "cf/certificate/green": 2,
        "cf/certificate/red": 1,
        "cf/control/fid": 9,
        "cf/control/intervals/fid/low": 8,
        "cf/control/intervals/fid/high": 9.5,
        "cf/liu/fid": 2.5,
        "cf/liu/certificate/green": 0,
    }


def stop_after(records: int, patch: pytest.MonkeyPatch) -> None:
    """Ctrl-C in the middle of a run."""
    append, calls = Journal.append, []

    def append_or_stop(self: Journal, record: Record) -> None:
        calls.append(1)
        if len(calls) > records:
            raise KeyboardInterrupt
        append(self, record)

    patch.setattr(Journal, "append", append_or_stop)


def test_an_interrupted_run_goes_on(in_digits_home: Path, capsys: pytest.CaptureFixture) -> None:
    """Twice; the result is that of one go, and an earlier result stays in place until then."""
    run_explain("digits/explain.yaml", *SHORT, "--trainer.default_root_dir=whole")
    whole = pd.read_parquet("whole/counterfactuals.parquet")
    cut = [*SHORT, "--trainer.default_root_dir=cut"]
    run_explain("digits/explain.yaml", *SHORT[:1], "--data.predict_limit=3", cut[-1])
    before = Path("cut/counterfactuals.parquet").read_bytes()
    for records in (5, 9):
        with pytest.MonkeyPatch.context() as patch, pytest.raises(SystemExit):
            stop_after(records, patch)
            run_explain("digits/explain.yaml", *cut)
        assert "finished searches are kept in cut/shards; the same command continues" in capsys.readouterr().out
        assert Path("cut/counterfactuals.parquet").read_bytes() == before
    kept = sum(len(r.explanation.index) for j in Path("cut/shards").glob("*.journal") for r in read_journal(j))
    assert 0 < kept < 80
    with pytest.raises(InputError, match=r"method.init_args.max_steps was 20 and is 21"):
        run_explain("digits/explain.yaml", *cut, "--model.method.init_args.max_steps=21")
    run_explain("digits/explain.yaml", *cut, "--model.slots=7", "--data.batch_size=11")  # neither matters
    assert f"Continuing: {kept} searches" in capsys.readouterr().out
    assert not Path("cut/shards").exists()
    again = pd.read_parquet("cut/counterfactuals.parquet")
    same = [c for c in whole if "seconds" not in c and "decodes" not in c]
    pd.testing.assert_frame_equal(again[same], whole[same], rtol=1e-4, atol=1e-5)
    first, second = (json.loads(Path(d, "summary.json").read_text()) for d in ("whole", "cut"))
    for key in ("flip_rate", "oracle_accuracy", "fid", "l2_x", "l2_z", "median_steps"):  # metrics saw what was kept
        assert second[key] == pytest.approx(first[key], rel=1e-3), key
    assert second["control"]["flip_rate"] == first["control"]["flip_rate"]


def test_the_first_oracle_of_the_config_stands_for_all() -> None:
    intervals = {"oracle_accuracy/cnn": [0.1, 0.2], "oracle_accuracy/svm": [0.5, 0.6]}
    summary = merged({"intervals": intervals}, {"oracle_accuracy": 0.55, "intervals": {"fid": [1, 2]}}, "svm")
    assert summary["intervals"] == {**intervals, "fid": [1, 2], "oracle_accuracy": [0.5, 0.6]}
    assert merged({"intervals": {}}, {}, None)["oracle_accuracy"] is None
