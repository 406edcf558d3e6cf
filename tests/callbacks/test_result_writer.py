from pathlib import Path

import pandas as pd
import pytest
import torch

from callbacks.result_writer import finite, loggable, merge, rows_of, tensors_of, write_whole
from counterfactuals import Ascent, explain
from lightning_modules import Explanation


def explanation(linear_chart, linear_predictor, index: list[int]) -> Explanation:
    x = torch.randn(len(index), 6)
    cf = explain(linear_predictor, linear_chart, x, 1, Ascent(max_steps=20, clip=None))
    n = len(index)
    return Explanation(
        torch.tensor(index),
        torch.zeros(n, dtype=torch.long),
        {"": cf, "control": cf},
        {"": 0.1, "control": 0.2},
        {"l2_z": torch.ones(n)},
    )


def test_shards_merge_in_the_order_of_the_index(linear_chart, linear_predictor, tmp_path: Path) -> None:
    shards = tmp_path / "shards"
    shards.mkdir()
    parts = [explanation(linear_chart, linear_predictor, i) for i in ([4, 0], [2, 3, 1])]
    for rank, part in enumerate(parts):
        from safetensors.torch import save_file

        save_file(tensors_of(part), shards / f"rank{rank}-00000.safetensors")
        rows_of(part).to_parquet(shards / f"rank{rank}-00000.parquet")
    table = merge(shards, tmp_path)
    assert table["index"].tolist() == [0, 1, 2, 3, 4] and not shards.exists()
    from safetensors.torch import load_file

    tensors = load_file(tmp_path / "counterfactuals.safetensors")
    assert tensors["index"].tolist() == [0, 1, 2, 3, 4]
    assert torch.equal(tensors["x"][0], parts[0].results[""].x[1])
    assert torch.equal(tensors["control_counterfactual"][3], parts[1].results["control"].counterfactual[1])
    assert (tmp_path / "counterfactuals.safetensors").stat().st_mode & 0o044, "others may read it, as the umask says"


def test_rows_hold_both_results(linear_chart, linear_predictor) -> None:
    table = rows_of(explanation(linear_chart, linear_predictor, [0, 1, 2]))
    assert {"status", "control_status", "l2_x", "control_l2_x", "confidence_before", "l2_z"} <= set(table)
    assert set(table["status"]) <= {"flipped", "timeout", "already_target"}
    assert (table["seconds"] == 0.1).all() or table["seconds"].sub(0.1).abs().max() < 1e-6


def test_a_write_that_fails_leaves_the_old_file(tmp_path: Path) -> None:
    file = tmp_path / "summary.json"
    file.write_text("old")

    def full_disk(partial: Path) -> None:
        partial.write_text("ne")
        raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space left"):
        write_whole(file, full_disk)
    assert file.read_text() == "old" and list(tmp_path.iterdir()) == [file]


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
        "spectrum": {"sigma": [1]},
        "control": {"fid": 9.0, "x": None},
        "oracle_accuracy": None,
    }
    assert loggable(summary) == {"cf/n": 3.0, "cf/fid": 1.5, "cf/control/fid": 9.0}


def test_interrupted_run_keeps_whole_shards(in_digits_home: Path, capsys: pytest.CaptureFixture) -> None:
    """An error in the third batch: the two before it stay readable, and the earlier result stays in place."""
    from callbacks import OracleAccuracy
    from tests.runs import run_explain

    arguments = [
        "--data.batch_size=4",
        "--data.predict_limit=12",
        "--model.method.init_args.max_steps=3",
        "--model.control=null",
        "--trainer.default_root_dir=cut",
    ]
    run_explain("digits/explain.yaml", *arguments)
    before = Path("cut/counterfactuals.parquet").read_bytes()
    original, calls = OracleAccuracy.on_predict_batch_end, []

    def fail_at_the_third(self, *args):
        calls.append(1)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return original(self, *args)

    with pytest.MonkeyPatch.context() as patch, pytest.raises(SystemExit):
        patch.setattr(OracleAccuracy, "on_predict_batch_end", fail_at_the_third)
        run_explain("digits/explain.yaml", *arguments)
    shards = sorted(Path("cut/shards").glob("*.parquet"))
    assert len(shards) == 2 and all(len(pd.read_parquet(s)) == 4 for s in shards)
    assert Path("cut/counterfactuals.parquet").read_bytes() == before
    assert "the 2 batches finished so far are whole in cut/shards" in capsys.readouterr().out
