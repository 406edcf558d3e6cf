from pathlib import Path

import pytest
import pytorch_lightning as pl
import torch
from PIL import Image

from callbacks import SearchPath
from callbacks.figures.search_path import strip
from counterfactuals import Ascent, PixelChart, RunnerUp
from datamodules import Digits
from lightning_modules import CounterfactualModule
from networks import MLP, InputError


def run(folder: Path, keep_every: int) -> SearchPath:
    callback = SearchPath(num_samples=3, num_frames=4)
    method = Ascent(0.02, 60, keep_every=keep_every)
    module = CounterfactualModule(MLP([1, 8, 8], 10), PixelChart([1, 8, 8]), RunnerUp(), method=method, slots=2)
    quiet = {"logger": False, "enable_progress_bar": False, "accelerator": "cpu", "inference_mode": False}
    trainer = pl.Trainer(**quiet, default_root_dir=folder, callbacks=[callback])
    trainer.predict(module, datamodule=Digits(batch_size=9, predict_limit=9))
    return callback


def test_a_strip_and_a_film_of_the_first_searches(tmp_path: Path) -> None:
    shown = run(tmp_path, 5).shown
    assert shown is not None and shown.index.tolist() == [0, 1, 2]
    cf = shown.counterfactuals
    assert torch.allclose(cf.path[:, 0], cf.reconstruction) and torch.allclose(cf.path[:, -1], cf.counterfactual)
    with Image.open(tmp_path / "figures" / "path.gif") as film:
        assert film.size == (3 * (3 * 9 + 1), 3 * 10)
        assert getattr(film, "n_frames", 1) > 1
    with Image.open(tmp_path / "figures" / "path.png") as picture:
        assert picture.size == (4 * 9 + 1, 3 * 9 + 1)


def test_frames_from_the_first_to_the_last() -> None:
    path = torch.arange(7.0).view(1, 7, 1, 1, 1).expand(1, 7, 1, 2, 2)
    assert strip(path, 3)[0, 1, 1::3].tolist() == [0.0, 3.0, 6.0]


def test_needs_the_path(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"set model.method.init_args.keep_every"):
        run(tmp_path, 0)
