import pytest
import pytorch_lightning as pl
import torch
from torch import nn

from datamodules import Digits, Scenes
from lightning_modules import ClassifierModule, RegressorModule
from metrics import localise
from metrics.localisation import f1, matches
from networks import CNN, MLP, BlurredFocal, UNet

QUIET = {
    "logger": False,
    "enable_progress_bar": False,
    "enable_model_summary": False,
    "accelerator": "cpu",
    "enable_checkpointing": False,
}


def tiny_scenes(**settings) -> Scenes:
    return Scenes(**{"n_train": 96, "n_val": 16, "n_test": 20, "batch_size": 16, "difficulty": 0.0, **settings})


def test_learns_and_reports_errors_and_positions_of_every_sample() -> None:
    torch.manual_seed(0)
    data = tiny_scenes()
    module = RegressorModule(UNet([1, 64, 64], widths=[6, 8, 12]), map_loss=BlurredFocal(), radius=4)
    trainer = pl.Trainer(max_epochs=3, **QUIET)
    before = trainer.test(module, datamodule=data, verbose=False)[0]["test/rmse"]
    trainer.fit(module, datamodule=data)
    reported = trainer.test(module, datamodule=data, verbose=False)[0]
    test = data.split("test").__getitems__(range(20))
    with torch.no_grad():
        counts, map_logits = module.eval().network.count_and_map(test["x"])
    error = counts - test["y"]
    assert reported["test/rmse"] == pytest.approx(error.square().mean().sqrt().item(), rel=1e-4)
    assert reported["test/mae"] == pytest.approx(error.abs().mean().item(), rel=1e-4)
    assert reported["test/rmse"] < 0.8 * before
    found = [localise(p, n) for p, n in zip(map_logits.sigmoid()[:, 0], counts.tolist(), strict=True)]
    true = [m[0].nonzero().float() for m in test["map"]]
    matched = sum(matches(f, t, 4) for f, t in zip(found, true, strict=True))
    assert reported["test/f1"] == pytest.approx(f1(matched, sum(map(len, found)), sum(map(len, true))), rel=1e-5)


def test_any_network_that_returns_one_value_will_do() -> None:
    module = RegressorModule(MLP([1, 64, 64], 1, hidden=[4]), loss=nn.MSELoss())
    data = tiny_scenes(n_train=32)
    assert module.problems_with(data) == []
    trainer = pl.Trainer(max_epochs=1, **QUIET)
    trainer.fit(module, datamodule=data)
    assert "test/f1" not in trainer.test(module, datamodule=data, verbose=False)[0]


def test_every_image_draws_its_own_noise_up_to_the_largest() -> None:
    class Predicted(nn.Module):
        def forward(self, x):
            self.x = x
            return x.mean((1, 2, 3))

    torch.manual_seed(0)
    net = Predicted()
    batch = {"x": torch.full((200, 1, 32, 32), 0.5), "y": torch.zeros(200)}
    module = RegressorModule(net, max_noise=0.3)
    module.log = lambda *_, **__: None
    module.training_step(batch, 0)
    levels = net.x.flatten(1).std(1)
    assert levels.max() < 0.33 and levels.min() < 0.02  # 0.3 estimated from 1,024 pixels; some images stay clean
    assert levels.mean() == pytest.approx(0.15, abs=0.02)
    module.eval()
    module.validation_step(batch, 0)
    assert torch.equal(net.x, batch["x"])


def test_problems_name_what_to_change() -> None:
    net = UNet([1, 64, 64], widths=[4, 8])
    assert RegressorModule(net, map_loss=BlurredFocal()).problems_with(tiny_scenes()) == []
    (problem,) = RegressorModule(net).problems_with(Digits())
    assert "a regressor needs values, and Digits has class labels: train a ClassifierModule" in problem
    (problem,) = RegressorModule(UNet([3, 64, 64], widths=[4, 8])).problems_with(tiny_scenes())
    assert "samples of shape (3, 64, 64), but Scenes gives (1, 64, 64)" in problem
    (problem,) = RegressorModule(CNN([1, 64, 64], 3)).problems_with(tiny_scenes())
    assert "is for predictors that return one value a sample, and this one returns (3,)" in problem
    (problem,) = RegressorModule(CNN([1, 64, 64], 1), map_loss=BlurredFocal()).problems_with(tiny_scenes())
    assert "map_loss is for networks that count, and CNN has no map" in problem
    (problem,) = ClassifierModule(CNN([1, 64, 64], 2)).problems_with(tiny_scenes())
    assert "a classifier needs class labels; Scenes is for regression" in problem
