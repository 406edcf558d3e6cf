import pytest
import pytorch_lightning as pl
import torch
from torch import nn

from datamodules import Digits
from lightning_modules import ClassifierModule
from networks import CNN, MLP

QUIET = {
    "logger": False,
    "enable_progress_bar": False,
    "enable_model_summary": False,
    "accelerator": "cpu",
    "enable_checkpointing": False,
}


def test_learns_and_reports_the_accuracy_of_every_sample() -> None:
    data, module = Digits(batch_size=100), ClassifierModule(MLP([1, 8, 8], 10, hidden=[64]))
    trainer = pl.Trainer(max_epochs=8, **QUIET)
    trainer.fit(module, datamodule=data)
    reported = trainer.test(module, datamodule=data, verbose=False)[0]
    test = data.split("test").__getitems__(range(449))
    with torch.no_grad():
        logits = module.eval()(test["x"])
    assert reported["test/accuracy"] == pytest.approx((logits.argmax(1) == test["y"]).float().mean().item(), abs=1e-6)
    assert reported["test/loss"] == pytest.approx(nn.functional.cross_entropy(logits, test["y"]).item(), abs=1e-5)
    assert reported["test/accuracy"] > 0.85


def test_hinge_on_a_linear_network_is_the_svm_task() -> None:
    module = ClassifierModule(MLP([1, 8, 8], 10, hidden=[]), loss=nn.MultiMarginLoss())
    x, y = torch.rand(4, 1, 8, 8), torch.tensor([0, 3, 5, 9])
    logits = module(x)
    margins = (1 - logits.gather(1, y[:, None]) + logits).clamp(min=0).scatter(1, y[:, None], 0)
    assert torch.allclose(module.loss(logits, y), margins.mean())


def test_problems_name_what_to_change() -> None:
    data = Digits()
    assert ClassifierModule(CNN([1, 8, 8], 10)).problems_with(data) == []
    (problem,) = ClassifierModule(CNN([1, 8, 8], 7)).problems_with(data)
    assert "returns 7 logits, but Digits has 10 classes" in problem and "num_classes to 10" in problem
    (problem,) = ClassifierModule(nn.Linear(5, 10)).problems_with(data)
    assert "Linear cannot take images of shape (1, 8, 8)" in problem


def test_trying_the_network_leaves_it_in_training_mode() -> None:
    module = ClassifierModule(CNN([1, 8, 8], 10)).train()
    before = module.network.state_dict()["stages.0.1.running_mean"].clone()
    module.problems_with(Digits())
    assert module.network.training and torch.equal(module.network.state_dict()["stages.0.1.running_mean"], before)
