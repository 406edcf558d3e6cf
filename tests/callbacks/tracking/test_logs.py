import os
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
import wandb

from callbacks.tracking import logs


def test_images_are_logged_as_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    """W&B shows a float image in [0, 1] as black."""
    logged: dict = {}
    run = SimpleNamespace(log=logged.update, dir="run/files")
    monkeypatch.setattr(logs, "wandb_runs", lambda trainer: [run])
    x = torch.rand(3, 6, 5)
    logs.log_image(SimpleNamespace(), "val/samples", x)
    pixels = np.array(logged["val/samples"].image)
    assert np.abs(pixels / 255 - x.permute(1, 2, 0).numpy()).max() < 0.003


def test_copies_to_upload_stay_in_the_runs_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("WANDB_DATA_DIR", raising=False)
    run = SimpleNamespace(dir=tmp_path / "run/files")
    (tmp_path / "a").write_text("b")
    with logs.staged(run):
        artifact = wandb.Artifact("a", type="b")
        entry = artifact.add_file(str(tmp_path / "a"))
    assert Path(entry.local_path).is_relative_to(tmp_path / "run") and "WANDB_DATA_DIR" not in os.environ
    monkeypatch.setenv("WANDB_DATA_DIR", "elsewhere")
    with logs.staged(run):
        assert os.environ["WANDB_DATA_DIR"] == "elsewhere"


def test_predict_runs_count_by_their_own_step(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logs, "wandb_runs", lambda trainer: [])
    calls: list = []
    logger = SimpleNamespace(log_metrics=lambda metrics, step: calls.append((metrics, step)))
    logs.log_scalars(SimpleNamespace(predicting=True, loggers=[logger]), {"cf/fid": 1.0})
    logs.log_scalars(SimpleNamespace(predicting=False, loggers=[logger], global_step=7), {"val/fid": 2.0})
    assert calls == [({"cf/fid": 1.0, "cf/step": 0}, None), ({"val/fid": 2.0}, 7)]
