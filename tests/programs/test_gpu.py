"""What only a real GPU shows; skipped elsewhere, where tests/programs/test_pretend_gpu.py finds what mixes devices."""

from functools import partial
from pathlib import Path

import pandas as pd
import pytest
import pytorch_lightning as pl
import torch

from callbacks import OracleAccuracy
from counterfactuals import Ascent, FeatureL2, FlowChart, PixelChart, RunnerUp, explain
from datamodules import Digits
from lightning_modules import ClassifierModule, CounterfactualModule, load_predictor
from networks import CNN, Adapter, ConvNet, Glow, InputError
from networks.precision import no_tf32
from tests.programs.test_configs import TINY_ASCENT, TINY_SEARCH
from tests.support.collect import Collect
from tests.support.runs import NO_LOGGER, config, needs_gpu

pytestmark = needs_gpu
QUIET = {"logger": False, "enable_progress_bar": False, "enable_model_summary": False, "enable_checkpointing": False}


def glow() -> Glow:
    flow = Glow([3, 32, 32], 16, 2, partial(ConvNet, width=64)).cuda().train()
    with torch.no_grad():
        for p in flow.parameters():
            p.add_(0.01 * torch.randn_like(p))
        flow(torch.rand(16, 3, 32, 32, device="cuda"))
    return flow.eval()


def test_a_search_does_without_tf32() -> None:
    """torch's default rounds convolutions to it: reconstructions of an exact chart then show it."""
    torch.backends.cudnn.allow_tf32 = True
    chart, predictor = FlowChart(glow()), CNN([3, 32, 32], 2).cuda()
    x = torch.rand(4, 3, 32, 32, device="cuda")
    cf = explain(predictor, chart, x, RunnerUp(), Ascent(0.01, 3))
    assert (cf.reconstruction - x).abs().max() < 1e-4
    with torch.no_grad():
        rounded = (chart.decode(chart.encode(x)) - x).abs().max()
        with no_tf32():
            exact = (chart.decode(chart.encode(x)) - x).abs().max()
    assert exact < 1e-4 and rounded > 5 * exact
    assert torch.backends.cudnn.allow_tf32, "the process keeps its own setting"


def test_trains_explains_and_judges() -> None:
    """A classifier, and a search that keeps features of another network near; as Lightning moves them."""
    data = Digits(batch_size=64, predict_limit=12)
    classifier = ClassifierModule(CNN([1, 8, 8], 10), optimizer=partial(torch.optim.Adam, lr=3e-3))
    trainer = pl.Trainer(accelerator="gpu", devices=1, max_epochs=10, precision="bf16-mixed", **QUIET)
    trainer.fit(classifier, datamodule=data)
    assert trainer.callback_metrics["val/accuracy"] > 0.8
    method = Ascent(0.02, 300, distance=FeatureL2(CNN([1, 8, 8], 10)), distance_weight=1e-3)
    module = CounterfactualModule(classifier.network, PixelChart([1, 8, 8]), RunnerUp(), method=method)
    collect = Collect()
    callbacks = [OracleAccuracy({"other": CNN([1, 8, 8], 10)}), collect]
    trainer = pl.Trainer(accelerator="gpu", devices=1, inference_mode=False, callbacks=callbacks, **QUIET)
    trainer.predict(module, datamodule=data)
    cf = collect.results()[""].counterfactuals
    assert len(cf) == 12 and cf.flipped.float().mean() > 0.5


def test_a_group_of_one_rank(in_digits_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """NCCL's collectives, from the command line."""
    import explain as program

    arguments = ["--trainer.accelerator=gpu", "--trainer.devices=1", "--trainer.strategy=ddp"]
    quiet = ["--trainer.enable_progress_bar=false", "--trainer.enable_model_summary=false"]
    run = [config("digits/explain.yaml"), *quiet, *NO_LOGGER, *TINY_ASCENT, *TINY_SEARCH, *arguments]
    program.main([*run, "--trainer.default_root_dir=on_gpu"])
    torch.distributed.destroy_process_group()
    assert len(pd.read_parquet("on_gpu/counterfactuals.parquet")) == 6


class Reversed(CNN):
    """Probabilities of the digits' classes from nine to zero."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return super().forward(x).softmax(1).flip(1)


def test_strangers_predictors_go_where_they_are_sent(tmp_path: Path) -> None:
    """What an adapter holds, and the constants of frozen TorchScript, which are no state."""
    network = Reversed([1, 8, 8], 10).eval()
    x = torch.rand(4, 1, 8, 8)
    torch.jit.save(torch.jit.freeze(torch.jit.trace(network, x)), tmp_path / "net.pt")
    script = load_predictor(str(tmp_path / "net.pt"))
    with no_tf32():
        assert torch.allclose(script.cuda()(x.cuda()).cpu(), network(x), atol=1e-5)
    data = Digits(predict_limit=6)
    adapter = Adapter(script.cpu(), class_names=[str(9 - i) for i in range(10)], mean=[0.0], std=[2.0])
    module = CounterfactualModule(adapter, PixelChart([1, 8, 8]), RunnerUp(), method=Ascent(0.05, 20))
    collect = Collect()
    trainer = pl.Trainer(accelerator="gpu", devices=1, inference_mode=False, callbacks=[collect], **QUIET)
    trainer.predict(module, datamodule=data)
    cf = collect.results()[""].counterfactuals
    with torch.no_grad():
        said = network(cf.x / 2).flip(1)
    assert torch.equal(cf.source, said.argmax(1))


def test_parts_on_other_devices_are_named() -> None:
    here, there = CNN([1, 8, 8], 2), torch.rand(3, 1, 8, 8, device="cuda")
    with pytest.raises(InputError, match="CNN cannot take these samples: its weights are on cpu and"):
        explain(here, PixelChart((1, 8, 8)), there, 1)
    chart = FlowChart(Glow([3, 32, 32], 2, 2, partial(ConvNet, width=8)))
    with pytest.raises(InputError, match="FlowChart cannot take these samples: its weights are on cpu"):
        explain(CNN([3, 32, 32], 2).cuda(), chart, torch.rand(2, 3, 32, 32, device="cuda"), 1)
