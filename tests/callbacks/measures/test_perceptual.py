from pathlib import Path
from urllib.error import URLError

import pytest
import pytorch_lightning as pl
import torch
import torchvision
from torchmetrics.functional.image.lpips import learned_perceptual_image_patch_similarity

from callbacks import Perceptual
from callbacks.measures.perceptual import large
from counterfactuals import Ascent, PixelChart, RunnerUp
from datamodules import Digits, Helix
from lightning_modules import CounterfactualModule
from networks import MLP, InputError
from tests.support.collect import Collect

QUIET = {"logger": False, "enable_progress_bar": False, "accelerator": "cpu", "inference_mode": False}


@pytest.fixture
def weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A random SqueezeNet under the name by which torchvision looks for the trained one."""
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    url = torchvision.models.SqueezeNet1_1_Weights.DEFAULT.url
    (tmp_path / "hub" / "checkpoints").mkdir(parents=True)
    torch.save(torchvision.models.squeezenet1_1().state_dict(), tmp_path / "hub" / "checkpoints" / Path(url).name)


def test_a_column_as_torchmetrics_has_it(weights: None) -> None:
    predictor = MLP([1, 8, 8], 10, hidden=[])
    torch.nn.init.orthogonal_(predictor.head.weight, gain=4)
    module = CounterfactualModule(predictor, PixelChart([1, 8, 8]), RunnerUp(), method=Ascent(0.05, 100))
    callbacks = [Perceptual("squeeze"), collect := Collect()]
    pl.Trainer(**QUIET, callbacks=callbacks).predict(module, datamodule=Digits(batch_size=20, predict_limit=20))
    result = collect.results()[""]
    cf = result.counterfactuals
    pair = large(cf.counterfactual), large(cf.x)
    expected = learned_perceptual_image_patch_similarity(*pair, "squeeze", "none", normalize=True)
    assert torch.allclose(result.columns["lpips"], expected, atol=1e-6)
    unchanged = cf.counterfactual.sub(cf.x).flatten(1).abs().amax(1) == 0
    assert expected[~unchanged].min() > 0


def test_only_images(weights: None) -> None:
    module = CounterfactualModule(MLP([3], 2, hidden=[]), PixelChart([3]), RunnerUp())
    with pytest.raises(InputError, match=r"LPIPS compares images .* shape \(3,\)"):
        pl.Trainer(**QUIET, callbacks=[Perceptual("squeeze")]).predict(module, datamodule=Helix(predict_limit=4))


def test_weights_that_are_not_to_be_had(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def offline(*args: object, **kwargs: object) -> None:
        raise URLError("no network")

    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    monkeypatch.setattr("torch.hub.download_url_to_file", offline)
    with pytest.raises(InputError, match=r"needs the ImageNet weights of 'alex'.*no network"):
        Perceptual()
