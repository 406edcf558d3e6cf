"""A run that several callbacks measure, for the tests of each."""

import pytest
import pytorch_lightning as pl
import torch

from callbacks import ClassDistance, OnManifold, TangentShare, Transition
from counterfactuals import Ascent, FlowChart, RunnerUp
from datamodules import Digits
from lightning_modules import CounterfactualModule
from networks import MLP, RealNVP
from tests.support.collect import Collect

QUIET = {"logger": False, "enable_progress_bar": False, "accelerator": "cpu", "inference_mode": False}


@pytest.fixture(scope="package")
def ran(tmp_path_factory: pytest.TempPathFactory) -> tuple[CounterfactualModule, Collect, Digits, OnManifold]:
    """A run on an untrained flow whose control leaves the data as far as it can."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        torch.manual_seed(0)
        predictor = MLP([1, 8, 8], 10, hidden=[])
        torch.nn.init.orthogonal_(predictor.head.weight, gain=4)
        chart = FlowChart(RealNVP([1, 8, 8], 4, 1, levels=17, alpha=0.2))
        method, control = Ascent(0.05, 100), Ascent(0.1, 100)
        module = CounterfactualModule(predictor, chart, RunnerUp(), method=method, control=control)
        data, collect, on_manifold = Digits(batch_size=20, predict_limit=20), Collect(), OnManifold()
        measuring = [on_manifold, Transition(), ClassDistance(most=5), TangentShare(num_samples=4, k=64)]
        chart.eval()
        pl.Trainer(**QUIET, callbacks=[*measuring, collect]).predict(module, datamodule=data)
    return module, collect, data, on_manifold
