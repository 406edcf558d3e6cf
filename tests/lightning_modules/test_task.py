from pathlib import Path

import pytest
import pytorch_lightning as pl
import torch
from torch import nn

from counterfactuals import PixelChart, RunnerUp
from datamodules import Digits, Scenes
from lightning_modules import ClassifierModule, CounterfactualModule, RegressorModule
from lightning_modules.task import state_dict_problems
from networks import CNN, MLP, UNet
from networks.errors import InputError

QUIET = {"logger": False, "enable_progress_bar": False, "enable_model_summary": False, "accelerator": "cpu"}


def test_built_in_python_it_saves_plain_values_alone(tmp_path: Path) -> None:
    module = ClassifierModule(MLP([1, 8, 8], 10, hidden=[]), noise=0.1)
    assert dict(module.hparams) == {"noise": 0.1, "loss": None, "scheduler": None}
    trainer = pl.Trainer(max_epochs=1, limit_train_batches=1, limit_val_batches=0, default_root_dir=tmp_path, **QUIET)
    trainer.fit(module, datamodule=Digits())
    trainer.save_checkpoint(tmp_path / "m.ckpt")
    again = ClassifierModule.load_from_checkpoint(
        tmp_path / "m.ckpt", weights_only=True, network=MLP([1, 8, 8], 10, hidden=[])
    )
    assert torch.equal(again.network.head.weight, module.network.head.weight) and again.noise == 0.1


def test_differences_in_words() -> None:
    problems = state_dict_problems(MLP([4], 2, hidden=[]), MLP([4], 3, hidden=[5]).state_dict())
    assert any("unknown weights body" in p for p in problems)
    assert any("head.weight is (3, 5) in the checkpoint and (2, 4) here" in p for p in problems)
    assert not state_dict_problems(CNN([1, 8, 8], 3), CNN([1, 8, 8], 3).state_dict())


def test_scheduler_steps_every_epoch() -> None:
    module = ClassifierModule(
        MLP([1, 8, 8], 10, hidden=[]),
        optimizer=lambda p: torch.optim.SGD(p, lr=1.0),
        scheduler=lambda o: torch.optim.lr_scheduler.ExponentialLR(o, 0.5),
    )
    trainer = pl.Trainer(max_epochs=3, limit_train_batches=1, limit_val_batches=0, enable_checkpointing=False, **QUIET)
    trainer.fit(module, datamodule=Digits())
    assert trainer.optimizers[0].param_groups[0]["lr"] == pytest.approx(0.125)


def test_several_problems_come_in_one_error() -> None:
    trainer = pl.Trainer(max_epochs=1, enable_checkpointing=False, **QUIET)
    with pytest.raises(InputError, match=r"shape \(3, 8, 8\), but Digits gives \(1, 8, 8\)"):
        trainer.fit(ClassifierModule(CNN([3, 8, 8], 10)), datamodule=Digits())


@pytest.mark.parametrize("precision", ["bf16-true", "16-true", "64-true"])
def test_weights_that_are_not_float32_are_refused(precision: str) -> None:
    trainer = pl.Trainer(max_epochs=1, enable_checkpointing=False, precision=precision, **QUIET)
    with pytest.raises(InputError, match=f"precision {precision} would not keep the weights in float32"):
        trainer.fit(ClassifierModule(MLP([1, 8, 8], 10, hidden=[])), datamodule=Digits())


@pytest.mark.parametrize("kind", [CNN, MLP])
def test_bf16_mixed_trains(kind: type[nn.Module]) -> None:
    short = {"max_epochs": 1, "limit_train_batches": 2, "limit_val_batches": 1, "enable_checkpointing": False}
    trainer = pl.Trainer(precision="bf16-mixed", **short, **QUIET)
    trainer.fit(ClassifierModule(kind([1, 8, 8], 10)), datamodule=Digits())
    assert trainer.callback_metrics["val/loss"].isfinite()


def name_device(module: pl.LightningModule) -> None:
    """As Lightning does before ``setup``: the module is told where it will be, and the weights are not there yet."""
    for part in module.modules():
        if isinstance(part, pl.LightningModule):
            part._device = torch.device("meta")


def test_setup_tries_the_network_where_its_weights_are() -> None:
    classifier = ClassifierModule(CNN([1, 8, 8], 10))
    regressor = RegressorModule(UNet([1, 64, 64], widths=[4, 4]))
    explaining = CounterfactualModule(CNN([1, 8, 8], 10), PixelChart([1, 8, 8]), RunnerUp())
    for module, data in (
        (classifier, Digits()),
        (regressor, Scenes(n_train=4, n_val=4, n_test=4)),
        (explaining, Digits()),
    ):
        name_device(module)
        assert module.problems_with(data) == []


def test_a_schedule_that_watches_a_number_is_refused() -> None:
    module = ClassifierModule(MLP([1, 8, 8], 10, hidden=[]), scheduler=torch.optim.lr_scheduler.ReduceLROnPlateau)
    with pytest.raises(InputError, match=r"ReduceLROnPlateau steps by a number that is watched"):
        module.configure_optimizers()
