import pytest
import pytorch_lightning as pl
import torch

from callbacks import FID
from counterfactuals import Ascent, FixedTarget, PixelChart
from datamodules import Digits
from lightning_modules import CounterfactualModule
from metrics import FID as FIDMetric
from networks import MLP, Features
from tests.collect import Collect


@pytest.mark.parametrize("batch_size", [7, 60])
def test_against_the_metric_on_the_target_class(batch_size: int) -> None:
    extractor, data = MLP([1, 8, 8], 10, hidden=[6]), Digits(batch_size=batch_size, predict_limit=60)
    predictor = MLP([1, 8, 8], 10, hidden=[])
    torch.nn.init.orthogonal_(predictor.head.weight, gain=4)
    module = CounterfactualModule(predictor, PixelChart([1, 8, 8]), FixedTarget(3), method=Ascent(0.05, 300))
    quiet = {"logger": False, "enable_progress_bar": False, "accelerator": "cpu", "inference_mode": False}
    pl.Trainer(**quiet, callbacks=[FID(extractor), collect := Collect()]).predict(module, datamodule=data)
    cf = collect.results()[""].counterfactuals
    fake = cf.counterfactual[cf.flipped]
    train = data.split("train")
    metric = FIDMetric(Features(extractor), (1, 8, 8))
    metric.update(train.x[train.y == 3], real=True)
    metric.update(fake, real=False)
    assert len(fake) > 10 and module.summary["fid"] == pytest.approx(float(metric.compute()), rel=1e-3)
