import pytest
import pytorch_lightning as pl
import torch

from callbacks import OracleAccuracy
from counterfactuals import Ascent, PixelChart, RunnerUp
from datamodules import Digits
from lightning_modules import CounterfactualModule
from networks import MLP, InputError
from tests.collect import Collect


def test_the_explained_model_as_its_own_oracle_always_agrees() -> None:
    net = MLP([1, 8, 8], 10, hidden=[])
    torch.nn.init.orthogonal_(net.head.weight, gain=4)
    other = MLP([1, 8, 8], 10, hidden=[32])
    module = CounterfactualModule(
        net, PixelChart([1, 8, 8]), RunnerUp(), method=Ascent(0.05, 200), control=Ascent(0.05, 50)
    )
    collect = Collect()
    trainer = pl.Trainer(
        logger=False,
        enable_progress_bar=False,
        accelerator="cpu",
        inference_mode=False,
        callbacks=[OracleAccuracy({"self": net, "other": other}), collect],
    )
    trainer.predict(module, datamodule=Digits(batch_size=30, predict_limit=30))
    summary, results = module.summary, collect.results()
    cf, y = results[""].counterfactuals, results[""].y
    assert summary["oracle_accuracy"] == summary["oracle_accuracy/self"] == 1.0
    expected = (other(cf.counterfactual).argmax(1) == cf.target)[cf.flipped].float().mean()
    assert summary["oracle_accuracy/other"] == pytest.approx(float(expected))
    assert summary["oracle_own_accuracy/self"] == pytest.approx(float((net(cf.x).argmax(1) == y).float().mean()))
    control = results["control"]
    assert torch.equal(control.columns["oracle_other"], other(control.counterfactuals.counterfactual).argmax(1))


def test_needs_an_oracle() -> None:
    with pytest.raises(InputError, match="at least one oracle"):
        OracleAccuracy({})


def test_oracles_that_do_not_fit_are_named_before_the_search() -> None:
    oracles = {"small": MLP([1, 4, 4], 10, hidden=[]), "few": MLP([1, 8, 8], 3, hidden=[])}
    module = CounterfactualModule(MLP([1, 8, 8], 10), PixelChart([1, 8, 8]), RunnerUp())
    trainer = pl.Trainer(
        logger=False, enable_progress_bar=False, accelerator="cpu", callbacks=[OracleAccuracy(oracles)]
    )
    with pytest.raises(InputError, match=r"(?s)'small': MLP cannot take.*'few' knows 3 classes, Digits has 10"):
        trainer.predict(module, datamodule=Digits())
