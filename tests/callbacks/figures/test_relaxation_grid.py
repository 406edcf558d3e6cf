import pytest
import pytorch_lightning as pl
import torch
from torch import nn

from callbacks import RelaxationGrid
from counterfactuals import Ascent, HierarchicalChart, PixelChart, ReachClass, Relaxation, RunnerUp
from datamodules import Digits
from lightning_modules import CounterfactualModule
from networks import MLP, Gaussian, HierarchicalVAE, InputError
from tests.support.collect import Collect

QUIET = {"logger": False, "enable_progress_bar": False, "accelerator": "cpu", "inference_mode": False}


def predictor() -> MLP:
    network = MLP([1, 8, 8], 10, hidden=[])
    torch.nn.init.orthogonal_(network.head.weight, gain=6)
    return network


def test_shares_are_those_of_the_path() -> None:
    vae = HierarchicalVAE([1, 8, 8], 10, [8, 12], [2, 10], likelihood=Gaussian()).eval()
    vae.last[-1].weight.data *= 8
    explained, oracle = predictor(), predictor()
    module = CounterfactualModule(
        explained, HierarchicalChart(vae), RunnerUp(), ReachClass(0.5), Relaxation([1.0, 0.5, 0.0])
    )
    callbacks = [RelaxationGrid({"other": oracle}), collect := Collect()]
    data = Digits(batch_size=16, predict_limit=40)
    pl.Trainer(**QUIET, callbacks=callbacks).predict(module, datamodule=data)
    result = collect.results()[""]
    cf = result.counterfactuals
    assert cf.path is not None and cf.path.shape == (40, 3, 1, 8, 8)
    summary = module.summary["relaxation_grid"]
    assert summary["r"] == [1.0, 0.5, 0.0]
    with torch.no_grad():
        for name, judge in (("model", explained), ("other", oracle)):
            logits = judge(cf.path.flatten(0, 1)).view(40, 3, 10)
            hits = logits.argmax(2) == cf.target[:, None]
            assert summary["share"][name] == pytest.approx(hits.float().mean(0).tolist())
        p = explained(cf.path[:, 1]).softmax(1).gather(1, cf.target[:, None])[:, 0]
    assert torch.allclose(result.columns["p_r0.5"], p, atol=1e-5)
    assert result.columns["decodes"].sum() >= 40 * 4  # the grid and the reconstruction


def test_another_method_is_refused() -> None:
    module = CounterfactualModule(predictor(), PixelChart([1, 8, 8]), RunnerUp(), method=Ascent())
    with pytest.raises(InputError, match="looks at the grid of a Relaxation; the method here is Ascent"):
        pl.Trainer(**QUIET, callbacks=[RelaxationGrid()]).predict(module, datamodule=Digits(predict_limit=2))


def test_an_oracle_that_says_nan_is_left_out_of_its_share() -> None:
    class Sick(nn.Module):
        """Knows the paths' ends alone."""

        def __init__(self, network: nn.Module) -> None:
            super().__init__()
            self.network = network

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            middle = torch.arange(len(x)) % 3 == 1
            return torch.where((middle & (torch.arange(len(x)) < 9))[:, None], torch.nan, self.network(x))

    vae = HierarchicalVAE([1, 8, 8], 10, [8, 12], [2, 10], likelihood=Gaussian()).eval()
    net = predictor()
    module = CounterfactualModule(
        net, HierarchicalChart(vae), RunnerUp(), ReachClass(0.5), Relaxation([1.0, 0.5, 0.0]), slots=6
    )
    callbacks = [RelaxationGrid({"sick": Sick(net), "twin": net}), collect := Collect()]
    pl.Trainer(**QUIET, callbacks=callbacks).predict(module, datamodule=Digits(batch_size=6, predict_limit=6))
    share = module.summary["relaxation_grid"]["share"]
    cf = collect.results()[""].counterfactuals
    assert cf.path is not None
    with torch.no_grad():
        hits = net(cf.path[:, 1]).argmax(1) == cf.target
    assert share["sick"][0] == share["twin"][0] and share["sick"][1] == pytest.approx(float(hits[3:].float().mean()))
