import pytest
import pytorch_lightning as pl
import torch

from callbacks import LabelVariation
from counterfactuals import Ascent, PixelChart, RunnerUp
from datamodules import Digits
from lightning_modules import CounterfactualModule
from metrics import label_variation
from networks import MLP, InputError
from tests.support.collect import Collect


def test_a_column_a_bystander() -> None:
    predictor, bystander = MLP([1, 8, 8], 10, hidden=[]), MLP([1, 8, 8], 3, hidden=[])
    torch.nn.init.orthogonal_(predictor.head.weight, gain=4)
    module = CounterfactualModule(predictor, PixelChart([1, 8, 8]), RunnerUp(), method=Ascent(0.05, 100))
    quiet = {"logger": False, "enable_progress_bar": False, "accelerator": "cpu", "inference_mode": False}
    callbacks = [LabelVariation({"glasses": bystander}), collect := Collect()]
    pl.Trainer(**quiet, callbacks=callbacks).predict(module, datamodule=Digits(batch_size=20, predict_limit=20))
    result = collect.results()[""]
    cf = result.counterfactuals
    expected = label_variation(bystander(cf.x), bystander(cf.counterfactual)).detach()
    assert torch.allclose(result.columns["label_variation_glasses"], expected, atol=1e-6) and expected.max() > 0
    assert torch.equal(result.columns["label_variation"], result.columns["label_variation_glasses"])
    flips = bystander(cf.x).argmax(1) != bystander(cf.counterfactual).argmax(1)
    assert torch.equal(result.columns["attributes_changed"], flips.float()) and 0 < flips.sum() < len(flips)


def test_needs_a_bystander() -> None:
    with pytest.raises(InputError, match="at least one bystander"):
        LabelVariation({})
