from pathlib import Path

import pytest

import train
from callbacks.checkpoints.earlier_training import move_aside
from networks.errors import InputError
from tests.support.runs import QUIET, TINY_FIT, config, fit


def contents(folder: Path) -> dict[str, bytes]:
    return {str(f.relative_to(folder)): f.read_bytes() for f in folder.rglob("*") if f.is_file() and f.name != ".lock"}


def test_a_new_training_does_not_inherit_the_checkpoints_of_another(
    in_digits_home: Path, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    here = f"--trainer.default_root_dir={tmp_path}"
    fit("digits/svm.yaml", here)
    first = contents(tmp_path)
    with pytest.raises(InputError, match=r"set model.network.init_args.num_classes"):
        fit("digits/classifier.yaml", here, "--model.network.init_args.num_classes=7")
    with pytest.raises(InputError, match=r"nothing was trained: --trainer.max_epochs is 0"):
        fit("digits/svm.yaml", here, "--trainer.max_epochs=0")
    assert contents(tmp_path) == first, "a refused training must not touch a finished one, nor its config"
    capsys.readouterr()

    fit("digits/classifier.yaml", here, "--trainer.limit_val_batches=0")  # it never validates
    assert not (tmp_path / "best.ckpt").exists() and (tmp_path / "last.ckpt").exists()
    assert contents(tmp_path / "earlier-1") == first
    said = capsys.readouterr().out
    assert said.count(f"The checkpoints of an earlier training in {tmp_path} are in {tmp_path}/earlier-1 now") == 1
    assert "no best checkpoint: val/loss was never measured, as --trainer.limit_val_batches is 0" in said

    fit("digits/classifier.yaml", here, f"--ckpt_path={tmp_path}/last.ckpt", "--trainer.max_epochs=2")
    assert (tmp_path / "best.ckpt").exists() and not (tmp_path / "earlier-2").exists(), "it went on"


def test_its_table_goes_with_it(in_digits_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Loggers make their folders before anything is moved."""
    monkeypatch.setenv("WANDB_MODE", "disabled")
    words = ["fit", config("digits/svm.yaml"), *QUIET, *TINY_FIT, f"--trainer.default_root_dir={tmp_path}"]
    for _ in range(2):
        train.main(words)
    first, second = (folder / "csv" / "metrics.csv" for folder in (tmp_path / "earlier-1", tmp_path))
    assert first.read_text() == second.read_text() and "val/loss" in first.read_text()


def test_links_and_what_slurm_has_saved_are_put_aside_too(tmp_path: Path) -> None:
    (tmp_path / "best.ckpt").write_text("best")
    (tmp_path / "last.ckpt").symlink_to("best.ckpt")
    for name in ("hpc_ckpt_2.ckpt", "config.yaml", "vit.ckpt"):
        (tmp_path / name).write_text(name)
    assert move_aside(tmp_path, ["best.ckpt", "last.ckpt"]) == tmp_path / "earlier-1"
    assert {p.name for p in tmp_path.iterdir()} == {"earlier-1", "vit.ckpt"}
    assert (tmp_path / "earlier-1" / "last.ckpt").read_text() == "best"
    (tmp_path / "config.yaml").write_text("of an explain run")
    assert move_aside(tmp_path, ["best.ckpt", "last.ckpt"]) is None and (tmp_path / "config.yaml").exists()
