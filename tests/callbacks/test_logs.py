from types import SimpleNamespace

import numpy as np
import pytest
import torch

from callbacks import logs


def test_images_are_logged_as_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    """W&B shows a float image in [0, 1] as black."""
    logged: dict = {}
    run = SimpleNamespace(log=logged.update)
    monkeypatch.setattr(logs, "wandb_runs", lambda trainer: [run])
    x = torch.rand(3, 6, 5)
    logs.log_image(SimpleNamespace(), "val/samples", x)
    pixels = np.array(logged["val/samples"].image)
    assert np.abs(pixels / 255 - x.permute(1, 2, 0).numpy()).max() < 0.003


def test_predict_runs_count_by_their_own_step(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logs, "wandb_runs", lambda trainer: [])
    calls: list = []
    logger = SimpleNamespace(log_metrics=lambda metrics, step: calls.append((metrics, step)))
    logs.log_scalars(SimpleNamespace(predicting=True, loggers=[logger]), {"cf/fid": 1.0})
    logs.log_scalars(SimpleNamespace(predicting=False, loggers=[logger], global_step=7), {"val/fid": 2.0})
    assert calls == [({"cf/fid": 1.0, "cf/step": 0}, None), ({"val/fid": 2.0}, 7)]
