from pathlib import Path

import pytest
import torch

from networks.errors import InputError
from tests.support.runs import fit

FLOW = ["--trainer.limit_train_batches=3", "--model.warmup_steps=4", "--trainer.callbacks=[]"]


def group(folder: Path) -> dict:
    return torch.load(folder / "last.ckpt", weights_only=True)["optimizer_states"][0]["param_groups"][0]


def test_another_number_counts_as_if_it_had_been_there_from_the_first_step(
    in_digits_home: Path, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    def run(name: str, epochs: int, *more: str) -> dict:
        fit("digits/flow.yaml", *FLOW, f"--trainer.max_epochs={epochs}", f"--trainer.default_root_dir={name}", *more)
        return group(Path(name))

    first, go_on = f"{tmp_path}/first", f"--ckpt_path={tmp_path}/first/last.ckpt"
    run(first, 2)
    changed = ["--model.optimizer.init_args.lr=1e-4", "--model.optimizer.init_args.weight_decay=0.5"]
    changed += ["--model.scheduler.init_args.T_max=5", "--model.warmup_steps=20"]
    whole, same = run(f"{tmp_path}/whole", 3, *changed), run(f"{tmp_path}/same", 3, go_on)
    on = run(f"{tmp_path}/on", 3, go_on, *changed)
    assert on["lr"] == pytest.approx(whole["lr"], rel=1e-6) and on["weight_decay"] == 0.5
    assert same["lr"] > 5 * on["lr"], "the checkpoint's own would be seen"
    with pytest.raises(InputError, match=r"--model.optimizer.class_path is torch.optim.SGD, and was torch.optim.AdamW"):
        run(f"{tmp_path}/other", 3, go_on, "--model.optimizer=torch.optim.SGD", "--model.optimizer.init_args.lr=1e-3")
    with pytest.raises(InputError, match=r"--model.scheduler is None, and was torch.optim.lr_scheduler.Cosine"):
        run(f"{tmp_path}/other", 3, go_on, "--model.scheduler=null")
    with pytest.raises(InputError, match=r"it has had 2 epochs, and --trainer.max_epochs is 1: raise it"):
        run(f"{tmp_path}/other", 1, go_on)


def test_a_training_keeps_its_seed_and_its_config_begins_anew(in_digits_home: Path, tmp_path: Path) -> None:
    def run(name: str, epochs: int, *more: str) -> torch.Tensor:
        fit("digits/svm.yaml", f"--trainer.max_epochs={epochs}", f"--trainer.default_root_dir={tmp_path}/{name}", *more)
        return torch.load(tmp_path / name / "last.ckpt", weights_only=True)["state_dict"]["network.head.weight"]

    noise = "--model.noise=0.3"
    whole = run("whole", 2, noise)
    run("first", 1, noise)
    on = run("on", 2, noise, "--seed_everything=7", f"--ckpt_path={tmp_path}/first/last.ckpt")
    assert torch.equal(on, whole)
    saved = (tmp_path / "on" / "config.yaml").read_text()
    assert saved.startswith(f"# went on from {tmp_path}/first/last.ckpt\n") and "\nckpt_path: null" in saved


def test_early_stopping_ends_what_it_had_ended_and_takes_another_patience(in_digits_home: Path, tmp_path: Path) -> None:
    def epochs(patience: int, *more: str) -> int:
        stopping = [
            "--trainer.callbacks=pytorch_lightning.callbacks.EarlyStopping",
            "--trainer.callbacks.monitor=val/loss",
        ]
        stopping += ["--trainer.callbacks.mode=max", f"--trainer.callbacks.patience={patience}"]  # never satisfied
        fit("digits/svm.yaml", *stopping, "--trainer.max_epochs=6", f"--trainer.default_root_dir={tmp_path}", *more)
        return torch.load(tmp_path / "last.ckpt", weights_only=True)["epoch"] + 1

    assert epochs(2) == 3
    before = (tmp_path / "last.ckpt").read_bytes()
    assert epochs(2, "--ckpt_path=last") == 3 and (tmp_path / "last.ckpt").read_bytes() == before
    assert epochs(4, "--ckpt_path=last") == 5
