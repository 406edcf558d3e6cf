"""train.py from the outside."""

import os
from pathlib import Path

import pandas as pd
import pytest
import torch
import wandb
import yaml

import train
from command_line import named_checkpoint
from networks.errors import InputError
from tests.support.runs import QUIET, config, fit
from tests.support.wandb_reader import history


def test_writes_everything_into_the_runs_folder(in_digits_home: Path, capsys: pytest.CaptureFixture) -> None:
    fit("digits/svm.yaml", "--trainer.default_root_dir=here", "--trainer.max_epochs=2", tiny=False)
    assert {p.name for p in Path("here").iterdir()} >= {"best.ckpt", "last.ckpt", "config.yaml"}
    assert yaml.safe_load(Path("here/config.yaml").read_text())["trainer"]["max_epochs"] == 2
    assert str(in_digits_home / "here/best.ckpt") in capsys.readouterr().out


def test_a_rerun_replaces_the_checkpoint_that_explain_reads(in_digits_home: Path) -> None:
    for _ in range(2):
        fit("digits/svm.yaml", "--trainer.default_root_dir=rerun")
    assert sorted(p.name for p in Path("rerun").glob("*.ckpt")) == ["best.ckpt", "last.ckpt"]


def test_fit_of_a_flow_logs_fid_spectrum_and_samples(in_digits_home: Path) -> None:
    train.main(
        [
            "fit",
            config("digits/flow.yaml"),
            *QUIET,
            "--trainer.max_epochs=20",
            "--trainer.limit_train_batches=1",
            "--trainer.default_root_dir=logged",
            "--model.flow.init_args.num_blocks=2",
            "--trainer.callbacks+=callbacks.Spectrum",
            "--trainer.callbacks.every_n_epochs=20",
        ]
    )
    wandb.finish()
    logged = history(Path("logged/wandb"))
    assert logged["val/fid"][-1] > 0 and logged["spectrum/effective_dimension"][-1] >= 1
    assert any(key.startswith("val/samples") for key in logged)
    assert "val/fid" in pd.read_csv("logged/csv/metrics.csv").columns
    train.main(
        [
            "test",
            config("digits/flow.yaml"),
            *QUIET,
            "--trainer.default_root_dir=logged",
            "--model.flow.init_args.num_blocks=2",
            "--ckpt_path=logged/best.ckpt",
        ]
    )
    assert "val/fid" in pd.read_csv("logged/csv/metrics.csv").columns, "a test must not replace the training's curve"
    assert "test/bpd" in pd.read_csv("logged/csv/test/metrics.csv").columns
    assert Path("logged/samples/epoch-019.png").is_file()


def test_resumes_where_it_was_stopped(in_digits_home: Path) -> None:
    """Two epochs and two more are four epochs: same weights, same optimiser state, same order of batches."""
    common = ["--model.optimizer.init_args.lr=1e-3", "--model.scheduler=null"]
    fit("digits/svm.yaml", *common, "--trainer.max_epochs=4", "--trainer.default_root_dir=straight", tiny=False)
    fit("digits/svm.yaml", *common, "--trainer.max_epochs=2", "--trainer.default_root_dir=halves", tiny=False)
    fit(
        "digits/svm.yaml",
        *common,
        "--trainer.max_epochs=4",
        "--trainer.default_root_dir=halves",
        "--ckpt_path=halves/last.ckpt",
        tiny=False,
    )
    straight, halves = (torch.load(f"{d}/last.ckpt", weights_only=True) for d in ("straight", "halves"))
    assert straight["global_step"] == halves["global_step"] and halves["epoch"] == 3
    # The resumed run shuffles anew, so the weights are close rather than equal.
    a, b = (c["state_dict"]["network.head.weight"] for c in (straight, halves))
    assert (a - b).norm() < 0.05 * a.norm()


def test_test_needs_a_checkpoint_of_the_same_model(in_digits_home: Path) -> None:
    arguments = ["test", config("digits/svm.yaml"), *QUIET, "--trainer.logger=false"]
    train.main([*arguments, "--ckpt_path=runs/digits/svm/best.ckpt"])
    with pytest.raises(
        InputError, match="does not fit this ClassifierModule; it was trained with another architecture"
    ):
        train.main([*arguments, "--ckpt_path=runs/digits/flow/best.ckpt"])
    with pytest.raises(InputError, match=r"no checkpoint 'nowhere.ckpt'"):
        train.main([*arguments, "--ckpt_path=nowhere.ckpt"])


def test_a_random_model_is_never_measured(in_digits_home: Path, tmp_path: Path) -> None:
    def refused(subcommand: str, *args: str) -> str:
        with pytest.raises(InputError) as told:
            train.main([subcommand, config("digits/svm.yaml"), *QUIET, "--trainer.logger=false", *args])
        return str(told.value)

    best = "runs/digits/svm/best.ckpt"
    assert refused("test") == f"test needs the checkpoint of a trained model: --ckpt_path {best}"
    elsewhere = f"--trainer.default_root_dir={tmp_path}"
    assert refused("validate", elsewhere).endswith("a trained model (--ckpt_path …/best.ckpt)")
    assert "nothing that --ckpt_path last could mean: " in refused("test", elsewhere, "--ckpt_path=last")
    (tmp_path / "last.ckpt").touch()
    assert "is not a checkpoint, or is cut off: it ends too early" in refused("test", elsewhere, "--ckpt_path=last")
    nothing = refused("test", "--ckpt_path=best", "--trainer.limit_test_batches=0")
    assert nothing == "no batch was looked at: --trainer.limit_test_batches is 0"


def test_the_names_of_checkpoints_mean_those_of_the_runs_folder(tmp_path: Path) -> None:
    for seconds, name in enumerate(("hpc_ckpt_10.ckpt", "hpc_ckpt_9.ckpt", "best.ckpt", "last.ckpt")):
        (tmp_path / name).touch()
        os.utime(tmp_path / name, (1e9 + seconds, 1e9 + seconds))
    named = [named_checkpoint(tmp_path, name).name for name in ("best", "last", "hpc")]
    assert named == ["best.ckpt", "last.ckpt", "hpc_ckpt_9.ckpt"]
    with pytest.raises(InputError, match=r"--ckpt_path hpc could mean: .* holds no checkpoint"):
        named_checkpoint(tmp_path / "other", "hpc")


@pytest.mark.parametrize("subcommand", ["fit", "validate", "test"])
def test_help(subcommand: str, capsys: pytest.CaptureFixture) -> None:
    with pytest.raises(SystemExit) as stop:
        train.main([subcommand, "--help"])
    assert stop.value.code == 0
    printed = capsys.readouterr().out
    assert "--trainer.devices" in printed and "--wandb.offline" in printed


def test_a_quick_look_leaves_the_checkpoints_of_a_training(in_digits_home: Path) -> None:
    last = Path("runs/digits/svm/last.ckpt")
    before = last.read_bytes()
    fit("digits/svm.yaml", "--trainer.fast_dev_run=true")
    assert last.read_bytes() == before and not Path("runs/digits/svm/earlier-1").exists()
