import json
from pathlib import Path

import pytest
import pytorch_lightning as pl
import torch

from callbacks import OracleAccuracy, ResultWriter
from counterfactuals import Ascent, PixelChart, RunnerUp
from datamodules import Digits
from lightning_modules import CounterfactualModule
from networks import MLP, InputError
from tests.support.collect import Collect

QUIET = {"logger": False, "enable_progress_bar": False, "accelerator": "cpu", "inference_mode": False}


def test_the_explained_model_as_its_own_oracle_always_agrees(tmp_path: Path) -> None:
    net = MLP([1, 8, 8], 10, hidden=[])
    torch.nn.init.orthogonal_(net.head.weight, gain=4)
    other = MLP([1, 8, 8], 10, hidden=[32])
    module = CounterfactualModule(
        net, PixelChart([1, 8, 8]), RunnerUp(), method=Ascent(0.05, 200), control=Ascent(0.05, 50)
    )
    collect = Collect()
    callbacks = [OracleAccuracy({"self": net, "other": other}), collect, ResultWriter()]
    trainer = pl.Trainer(**QUIET, default_root_dir=tmp_path, callbacks=callbacks)
    trainer.predict(module, datamodule=Digits(batch_size=30, predict_limit=30), return_predictions=False)
    summary, results = json.loads((tmp_path / "summary.json").read_text()), collect.results()
    cf, y, columns = results[""].counterfactuals, results[""].y, results[""].columns
    assert summary["oracle_accuracy"] == summary["oracle_accuracy/self"] == 1.0
    expected = (other(cf.counterfactual).argmax(1) == cf.target)[cf.flipped].float().mean()
    assert summary["oracle_accuracy/other"] == pytest.approx(float(expected))
    assert summary["oracle_own_accuracy/self"] == pytest.approx(float((net(cf.x).argmax(1) == y).float().mean()))
    assert summary["oracle_base/self"] == 0 and summary["oracle_gain/self"] == summary["flip_rate"]
    said = {name: net_(cf.x).argmax(1) == cf.target for name, net_ in (("other", other), ("self", net))}
    searched = cf.searched
    assert summary["oracle_base/other"] == pytest.approx(float(said["other"][searched].float().mean()))
    assert summary["control"]["oracle_base/other"] == summary["oracle_base/other"]
    assert summary["oracle_accuracy/all"] == summary["oracle_accuracy/other"], "the other one is the stricter"
    assert summary["oracle_base/all"] == 0 and summary["oracle"] == "self"
    assert summary["oracle_gain"] == summary["oracle_gain/self"]
    assert summary["intervals"]["oracle_gain"] == summary["intervals"]["oracle_gain/self"]
    # Pixels are their own reconstruction.
    assert torch.equal(columns["reconstruction_oracle_other"], columns["source_oracle_other"])
    assert summary["oracle_reconstruction/other"] == summary["oracle_base/other"]
    control = results["control"]
    assert not [name for name in control.columns if name.startswith(("source", "reconstruction"))]
    assert torch.equal(control.columns["oracle_other"], other(control.counterfactuals.counterfactual).argmax(1))


def test_needs_an_oracle_and_one_name_for_all_of_them() -> None:
    with pytest.raises(InputError, match="at least one oracle"):
        OracleAccuracy({})
    with pytest.raises(InputError, match="no oracle can be called 'all', which names the verdict of all of them"):
        OracleAccuracy({"all": MLP([1, 8, 8], 10)})


def test_a_chart_that_draws_another_picture_is_asked_about_that(tmp_path: Path) -> None:
    """A chart that turns every digit round: what an oracle says of the turned ones is no merit of the search."""

    class Turned(PixelChart):
        def decode(self, z: torch.Tensor) -> torch.Tensor:
            return super().decode(z).flip(2, 3)

    torch.manual_seed(0)
    net, other = MLP([1, 8, 8], 10, hidden=[]), MLP([1, 8, 8], 10, hidden=[32])
    module = CounterfactualModule(net, Turned([1, 8, 8]), RunnerUp(), method=Ascent(0.05, 3))
    collect = Collect()
    trainer = pl.Trainer(**QUIET, callbacks=[OracleAccuracy({"other": other}), collect])
    trainer.predict(module, datamodule=Digits(batch_size=30, predict_limit=30))
    result = collect.results()[""]
    assert torch.equal(
        result.columns["reconstruction_oracle_other"], other(result.counterfactuals.x.flip(2, 3)).argmax(1)
    )


def test_oracles_that_do_not_fit_are_named_before_the_search() -> None:
    oracles = {"small": MLP([1, 4, 4], 10, hidden=[]), "few": MLP([1, 8, 8], 3, hidden=[])}
    module = CounterfactualModule(MLP([1, 8, 8], 10), PixelChart([1, 8, 8]), RunnerUp())
    trainer = pl.Trainer(
        logger=False, enable_progress_bar=False, accelerator="cpu", callbacks=[OracleAccuracy(oracles)]
    )
    with pytest.raises(InputError, match=r"(?s)'small': MLP cannot take.*'few' knows 3 classes, Digits has 10"):
        trainer.predict(module, datamodule=Digits())
