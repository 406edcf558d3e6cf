import json
from pathlib import Path

import pytest
import torch
import wandb

import train
from callbacks.tracking.artifacts import model_artifact
from tests.support.runs import QUIET, TINY_FIT, config
from tests.support.wandb_reader import artifacts


def test_a_training_logs_what_explain_runs_refer_to(tmp_path: Path) -> None:
    folder = tmp_path / "runs/svm"
    train.main(["fit", config("digits/svm.yaml"), *QUIET, *TINY_FIT, f"--trainer.default_root_dir={folder}"])
    wandb.finish()
    (made,) = artifacts(folder).values()
    used = model_artifact(folder / "best.ckpt")
    assert (made.name, made.digest, made.type) == (used.name, used.digest, "model")
    assert not made.use_after_commit and set(made.aliases) == {"latest", "best"}
    best = torch.load(folder / "best.ckpt", weights_only=True)["callbacks"]
    (score,) = [state["best_model_score"] for name, state in best.items() if name.startswith("ModelCheckpoint")]
    assert json.loads(made.metadata) == {**used.metadata, "val/loss": pytest.approx(float(score))}
