from pathlib import Path

import pytest
import torch
from pytorch_lightning.callbacks import ModelCheckpoint

from callbacks import BestAndLast
from networks.errors import InputError
from tests.support.runs import fit

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
    said = capsys.readouterr().out
    assert said.count(f"): {tmp_path}/best.ckpt") == 2 and said.count("trained CNN (") == 1


def test_a_moved_folder_keeps_its_best(in_digits_home: Path, tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    """In the folder to which it has gone; in one of its own what goes on has nothing to beat."""
    fit("digits/svm.yaml", f"--trainer.default_root_dir={tmp_path}/a", "--trainer.max_epochs=2")
    (tmp_path / "a").rename(tmp_path / "b")
    best = (tmp_path / "b" / "best.ckpt").read_bytes()
    worse = ["--model.optimizer.init_args.lr=9", "--trainer.max_epochs=3", f"--ckpt_path={tmp_path}/b/last.ckpt"]
    fit("digits/svm.yaml", *worse, f"--trainer.default_root_dir={tmp_path}/c")
    assert checkpoint(tmp_path / "c", "best")["epoch"] == 2
    capsys.readouterr()
    fit("digits/svm.yaml", *worse, f"--trainer.default_root_dir={tmp_path}/b")
    assert (tmp_path / "b" / "best.ckpt").read_bytes() == best and checkpoint(tmp_path / "b", "last")["epoch"] == 2
    assert f"best checkpoint (val/loss {score(tmp_path / 'b'):.4g}): {tmp_path}/b/best.ckpt" in capsys.readouterr().out
    with pytest.raises(InputError, match=r"b/best.ckpt was chosen by val/loss, and not by val/accuracy \(max\)"):
        other = ["--checkpoint.monitor=val/accuracy", "--checkpoint.mode=max"]
        fit("digits/svm.yaml", *worse, *other, f"--trainer.default_root_dir={tmp_path}/b")
    with pytest.raises(InputError, match=r"nothing was trained: .*c/last.ckpt was at its end"):
        over = ["--trainer.max_epochs=3", f"--ckpt_path={tmp_path}/c/last.ckpt"]
        fit("digits/svm.yaml", *over, f"--trainer.default_root_dir={tmp_path}/d")


def score(folder: Path) -> float:
    states = checkpoint(folder, "best")["callbacks"]
    return float(next(state for key, state in states.items() if key.startswith("ModelCheckpoint"))["best_model_score"])


def test_last_is_where_a_training_stopped_in_the_middle_of_an_epoch(in_digits_home: Path, tmp_path: Path) -> None:
    stopped = ["--trainer.max_steps=5", "--trainer.limit_train_batches=3", f"--trainer.default_root_dir={tmp_path}"]
    fit("digits/svm.yaml", *stopped)
    last = checkpoint(tmp_path, "last")
    assert last["global_step"] == 3, "TINY_FIT has one epoch"
    fit("digits/svm.yaml", *stopped, "--trainer.max_epochs=9")
    last = checkpoint(tmp_path, "last")
    assert last["global_step"] == 5 and last["epoch"] == 1 and checkpoint(tmp_path, "best")["global_step"] == 3
    assert last["loops"]["fit_loop"]["epoch_progress"]["current"]["processed"] == 1, "the second epoch is not over"


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"save_top_k": 3}, "save_top_k 3 would give several checkpoints the one name 'best'"),
        ({"save_top_k": -1}, "save_top_k -1 would give"),
        ({"save_last": "link"}, "save_last link would make last.ckpt the best one"),
        ({"save_on_exception": True}, "would save in the middle of a step or a validation"),
        ({"filename": "last"}, "filename last is the name of the last checkpoint"),
        ({"enable_version_counter": True}, "would write best-v1.ckpt beside an older best.ckpt"),
    ],
)
def test_a_name_that_would_be_another_models_is_refused(given: dict, told: str) -> None:
    settings = {"monitor": "val/loss", "filename": "best", "save_last": True, "enable_version_counter": False}
    assert BestAndLast(**settings)._ambiguous() == []
    assert BestAndLast(**{**settings, "save_top_k": 3, "filename": "best-{epoch}"})._ambiguous() == []
    (problem,) = BestAndLast(**{**settings, **given})._ambiguous()
    assert told in problem


def test_checkpoints_of_lightnings_own_go_on_with_it() -> None:
    assert BestAndLast(monitor="val/loss").state_key == ModelCheckpoint(monitor="val/loss").state_key
