from pathlib import Path

import pytest
import torch
from pytorch_lightning.callbacks import ModelCheckpoint

from callbacks import BestAndLast
from tests.runs import fit

WORSE = ["--model.scheduler=null", "--model.optimizer.init_args.lr=0.1", "--trainer.max_epochs=6"]


def checkpoint(folder: Path, name: str) -> dict:
    return torch.load(folder / f"{name}.ckpt", weights_only=True)


def test_last_is_the_last_epoch_whatever_the_loss_did(in_digits_home: Path, tmp_path: Path) -> None:
    fit("digits/classifier.yaml", *WORSE, f"--trainer.default_root_dir={tmp_path}", tiny=False)
    best, last = checkpoint(tmp_path, "best"), checkpoint(tmp_path, "last")
    assert last["epoch"] == 5 and best["epoch"] < 5, "the test needs a loss that grows again"
    (state,) = (state for key, state in last["callbacks"].items() if key.startswith("ModelCheckpoint"))
    assert state["best_model_score"] == best["callbacks"][next(iter(best["callbacks"]))]["best_model_score"]


def test_a_finished_training_that_goes_on_stays_as_it_is(
    in_digits_home: Path, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    here = f"--trainer.default_root_dir={tmp_path}"
    fit("digits/classifier.yaml", *WORSE, here, tiny=False)
    before = [(tmp_path / f"{name}.ckpt").read_bytes() for name in ("best", "last")]
    fit("digits/classifier.yaml", *WORSE, here, "--ckpt_path=last", tiny=False)
    assert [(tmp_path / f"{name}.ckpt").read_bytes() for name in ("best", "last")] == before
    assert capsys.readouterr().out.count(f"{tmp_path}/best.ckpt") == 2


def test_checkpoints_of_lightnings_own_go_on_with_it() -> None:
    assert BestAndLast(monitor="val/loss").state_key == ModelCheckpoint(monitor="val/loss").state_key
