from pathlib import Path
from typing import Any

import pytest
import pytorch_lightning as pl
import torch
from pytorch_lightning import Callback
from torch import Tensor

from callbacks import Augment
from datamodules import DataModule, Digits, Helix, Mirror, Scenes, Shift
from lightning_modules import ClassifierModule, RegressorModule
from networks import CNN, MLP, InputError, UNet

QUIET: dict[str, Any] = {
    "logger": False,
    "enable_progress_bar": False,
    "enable_model_summary": False,
    "accelerator": "cpu",
    "num_sanity_val_steps": 0,
}


class Seen(Callback):
    """What the task is given; behind ``Augment``."""

    def __init__(self) -> None:
        self.trained: list[dict[str, Tensor]] = []
        self.validated: list[dict[str, Tensor]] = []

    def on_train_batch_end(self, trainer, pl_module, outputs, batch, batch_idx) -> None:
        self.trained.append(batch)

    def on_validation_batch_end(self, trainer, pl_module, outputs, batch, batch_idx, dataloader_idx=0) -> None:
        self.validated.append(batch)


def fit(
    task: pl.LightningModule, data: DataModule, augment: Augment, folder: Path, epochs: int, begun: Path | None = None
) -> Seen:
    seen = Seen()
    settings = QUIET | {"limit_train_batches": 2, "limit_val_batches": 1, "default_root_dir": folder}
    pl.seed_everything(4)
    trainer = pl.Trainer(**settings, max_epochs=epochs, callbacks=[augment, seen])
    trainer.fit(task, datamodule=data, ckpt_path=begun, weights_only=False)
    return seen


def classifier() -> ClassifierModule:
    torch.manual_seed(0)
    return ClassifierModule(CNN([1, 8, 8], 10, [4]))


def originals(data: DataModule, batch: dict[str, Tensor], split: str) -> dict[str, Tensor]:
    return data.split(split).__getitems__(batch["index"].tolist())  # type: ignore[arg-type, return-value]


def test_training_images_are_changed_and_no_others(tmp_path: Path) -> None:
    data = Digits()
    seen = fit(classifier(), data, Augment([Mirror(1.0)]), tmp_path, 1)
    for batch in seen.trained:
        assert torch.equal(batch["x"], originals(data, batch, "train")["x"].flip(-1))
    for batch in seen.validated:
        assert torch.equal(batch["x"], originals(data, batch, "val")["x"])


def test_maps_move_with_their_images(tmp_path: Path) -> None:
    data = Scenes(n_train=8, n_val=4, n_test=4, batch_size=4)
    task = RegressorModule(UNet(data.shape, [2, 2]))
    (batch, *_) = fit(task, data, Augment([Mirror(1.0)]), tmp_path, 1).trained
    before = originals(data, batch, "train")
    assert torch.equal(batch["map"], before["map"].flip(-1)) and torch.equal(batch["x"], before["x"].flip(-1))
    assert not torch.equal(batch["map"], before["map"])


def test_what_is_drawn_depends_on_epoch_and_batch_alone(tmp_path: Path) -> None:
    """A run that was stopped after its first epoch sees in its second what it would have seen."""

    def drawn(folder: str, epochs: int, begun: Path | None = None) -> list[Tensor]:
        seen = fit(classifier(), Digits(), Augment([Mirror(), Shift(2)]), tmp_path / folder, epochs, begun)
        return [batch["x"] for batch in seen.trained]

    once, first = drawn("once", 2), drawn("first", 1)
    (checkpoint,) = (tmp_path / "first").rglob("*.ckpt")
    second = drawn("second", 2, checkpoint)
    assert not any(torch.equal(a, b) for i, a in enumerate(once) for b in once[:i])
    for a, b in zip(once, [*first, *second], strict=True):
        assert torch.equal(a, b)


def test_what_cannot_be_changed_so_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="needs at least one of transforms"):
        Augment([])
    data = Scenes(n_train=8, n_val=4, n_test=4, batch_size=4)
    with pytest.raises(InputError, match="Shift can push what Scenes counts out of an image: leave it out"):
        fit(RegressorModule(UNet(data.shape, [2, 2])), data, Augment([Mirror(), Shift(2)]), tmp_path, 1)
    with pytest.raises(InputError, match=r"Augment is for images; samples of Helix have the shape \(3,\)"):
        fit(ClassifierModule(MLP([3], 2)), Helix(), Augment([Mirror()]), tmp_path, 1)
