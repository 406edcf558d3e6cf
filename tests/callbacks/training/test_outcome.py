import re
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from pytorch_lightning.callbacks import EarlyStopping

from callbacks import BestAndLast
from callbacks.training.outcome import outcome
from callbacks.training.outcome import trained as trained_what
from datamodules import Digits
from lightning_modules import ClassifierModule
from networks import MLP
from networks.errors import InputError


def trained(best: str = "", score: float | None = None, begun: bool = True, **more: Any) -> Any:
    checkpoint = BestAndLast(monitor="val/loss")
    checkpoint.begun = begun
    checkpoint.best_model_path, checkpoint.last_model_path = best, "run/last.ckpt"
    checkpoint.best_model_score = None if score is None else torch.tensor(score)
    usual = {"global_step": 9, "max_epochs": 3, "max_steps": -1, "limit_train_batches": 1.0, "limit_val_batches": 1.0}
    usual |= {"check_val_every_n_epoch": 1, "val_check_interval": 1.0, "fit_loop": SimpleNamespace(max_batches=4)}
    usual |= {"callback_metrics": {}, "ckpt_path": None}
    return SimpleNamespace(**{**usual, "checkpoint_callback": checkpoint, **more})


def test_what_a_training_came_to() -> None:
    assert outcome(trained("run/best.ckpt", 0.25)) == "best checkpoint (val/loss 0.25): run/best.ckpt"
    assert outcome(trained("run/best.ckpt")) == "best checkpoint: run/best.ckpt"
    assert outcome(trained(check_val_every_n_epoch=5)) == (
        "no best checkpoint: val/loss was never measured, as the training ended before the first validation "
        "(--trainer.check_val_every_n_epoch 5); what it came to is run/last.ckpt"
    )
    assert "(--trainer.val_check_interval 100)" in outcome(
        trained(check_val_every_n_epoch=None, val_check_interval=100)
    )
    assert "none was due yet, by --checkpoint.every_n_epochs" in outcome(trained(callback_metrics={"val/loss": 1.0}))
    assert outcome(trained(checkpoint_callback=None)) == "no checkpoint was kept"


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ({"max_epochs": 0}, "--trainer.max_epochs is 0"),
        ({"max_steps": 0}, "--trainer.max_steps is 0"),
        ({"limit_train_batches": 0}, "--trainer.limit_train_batches is 0"),
        ({"fit_loop": SimpleNamespace(max_batches=0)}, "no rank has a whole batch of training samples"),
        ({}, "raise --trainer.max_time"),
    ],
)
def test_nothing_trained_is_an_error(given: dict[str, Any], why: str) -> None:
    with pytest.raises(InputError, match=f"nothing was trained: .*{why}"):
        outcome(trained(**{"global_step": 0, **given}))


def test_a_training_that_had_been_over() -> None:
    over = {"begun": False, "ckpt_path": "run/last.ckpt"}
    said = outcome(trained("run/best.ckpt", 0.25, **over))
    assert said.splitlines()[0].startswith("run/last.ckpt was at its end: raise --trainer.max_epochs")
    assert said.splitlines()[1] == "best checkpoint (val/loss 0.25): run/best.ckpt"
    with pytest.raises(InputError, match=r"nothing was trained: run/last.ckpt was at its end"):
        outcome(trained(**over))


def test_a_checkpoint_that_is_not_the_best_is_not_called_so() -> None:
    trainer = trained("run/best.ckpt")
    trainer.checkpoint_callback.monitor = None
    assert outcome(trainer) == "checkpoint of the last validation, as --checkpoint.monitor is null: run/best.ckpt"
    trainer = trained()
    trainer.checkpoint_callback.save_top_k = 0
    assert outcome(trainer).startswith("no best checkpoint: --checkpoint.save_top_k is 0; what it came to is")


def test_a_training_says_what_and_how_long() -> None:
    on = SimpleNamespace(root_device=torch.device("cpu"))
    trainer: Any = SimpleNamespace(global_step=1234, datamodule=Digits(), early_stopping_callbacks=[], strategy=on)
    module = ClassifierModule(MLP([1, 8, 8], 10), torch.optim.Adam)
    weights = sum(p.numel() for p in module.parameters())
    said = trained_what(trainer, module, 75.0)
    expected = rf"trained MLP \({weights:,} weights\) on Digits: 1,234 steps, 75 s, \d+\.\d GB of memory"
    assert re.fullmatch(expected, said)
    stop = EarlyStopping("val/loss", patience=3)
    trainer.early_stopping_callbacks = [stop]
    assert trained_what(trainer, module, 75.0).endswith("of memory"), "it may have come to its end"
    stop.wait_count = 3
    said = trained_what(trainer, module, 75.0)
    assert said.endswith("of memory; stopped early: val/loss has not improved in 3 validations")
