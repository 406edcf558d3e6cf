from pathlib import Path

import pytest
import torch

from lightning_modules import ClassifierModule
from networks.errors import InputError
from tests.support.runs import fit


def test_a_diverged_training_keeps_the_checkpoints_of_the_epochs_before(in_digits_home: Path, tmp_path: Path) -> None:
    """MultiMarginLoss of NaN is 0: the loss alone would not show it."""
    original = ClassifierModule.on_train_batch_start

    def spoil(self: ClassifierModule, batch: dict, batch_idx: int) -> None:
        original(self, batch, batch_idx)
        if self.current_epoch == 2:
            self.network.head.weight.data.fill_(torch.nan)

    with pytest.MonkeyPatch.context() as patch, pytest.raises(InputError) as told:
        patch.setattr(ClassifierModule, "on_train_batch_start", spoil)
        fit("digits/svm.yaml", f"--trainer.default_root_dir={tmp_path}", "--trainer.max_epochs=5")
    assert "the training has diverged: the weights network.head.weight are not finite in epoch 2" in str(told.value)
    assert "--model.optimizer.init_args.lr" in str(told.value) and f"{tmp_path}/best.ckpt is of" in str(told.value)
    for name in ("best.ckpt", "last.ckpt"):
        kept = torch.load(tmp_path / name, weights_only=True)
        assert kept["epoch"] < 2 and all(t.isfinite().all() for t in kept["state_dict"].values())


def test_a_loss_that_is_not_finite_is_never_the_best(in_digits_home: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"the training has diverged: val/loss is (nan|inf) in epoch 0"):
        fit("digits/classifier.yaml", f"--trainer.default_root_dir={tmp_path}", "--model.optimizer.init_args.lr=1e30")
    assert not list(tmp_path.glob("*.ckpt"))
