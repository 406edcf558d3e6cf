from pathlib import Path

import pytest
import pytorch_lightning as pl
import torch
from pytorch_lightning import Callback
from pytorch_lightning.callbacks import ModelCheckpoint

from callbacks import EMA
from datamodules import Digits
from lightning_modules import FlowModule
from networks import Glow, InputError, Permute, ResNet

QUIET = {"logger": False, "enable_progress_bar": False, "enable_model_summary": False, "accelerator": "cpu"}


def glow_module() -> FlowModule:
    torch.manual_seed(3)
    return FlowModule(
        Glow([1, 8, 8], 2, 1, subnet=lambda a, b: ResNet(a, b, 8, 1), mixing=Permute, levels=17, alpha=0.2)
    )


class Recorder(Callback):
    """Weights after every step, and what the callbacks see in validation."""

    def __init__(self) -> None:
        self.steps: list[dict] = []
        self.validated: list[dict] = []

    def on_train_batch_end(self, trainer, pl_module, *_) -> None:
        self.steps.append({k: v.clone() for k, v in pl_module.state_dict().items()})

    def on_validation_epoch_end(self, trainer, pl_module) -> None:
        self.validated.append({k: v.clone() for k, v in pl_module.state_dict().items()})


def fit(tmp_path: Path, **options) -> tuple[FlowModule, Recorder, Path]:
    module, recorder = glow_module(), Recorder()
    checkpoint = ModelCheckpoint(tmp_path, save_last=True)
    trainer = pl.Trainer(
        callbacks=[EMA(0.9), recorder, checkpoint], limit_train_batches=5, limit_val_batches=1, **QUIET, **options
    )
    trainer.fit(module, datamodule=Digits(batch_size=32))
    return module, recorder, Path(checkpoint.last_model_path)


def test_callbacks_checkpoint_and_model_hold_the_average(tmp_path: Path) -> None:
    module, recorder, path = fit(tmp_path, max_epochs=2)
    name = "flow.layers.layers.1.scales.0.layers.1.log_scale"
    average = recorder.steps[0][name]
    for n, step in enumerate(recorder.steps[1:], start=1):
        decay = min(0.9, (1 + n) / (10 + n))
        average = decay * average + (1 - decay) * step[name]
    saved = torch.load(path, weights_only=True)
    assert len(recorder.steps) == 10
    for seen in (recorder.validated[-1][name], saved["state_dict"][name], module.state_dict()[name]):
        assert torch.allclose(seen, average, atol=1e-6)
    assert torch.equal(saved["current_model_state"][name], recorder.steps[-1][name])


def test_flags_and_permutations_are_copied_not_averaged(tmp_path: Path) -> None:
    module, _, path = fit(tmp_path, max_epochs=1)
    assert all(v for k, v in torch.load(path, weights_only=True)["state_dict"].items() if k.endswith("initialized"))
    for part in module.modules():
        if isinstance(part, Permute):
            assert sorted(part.perm.tolist()) == list(range(len(part.perm)))
    x = torch.rand(4, 1, 8, 8)
    assert (module.flow.eval().inverse(module.flow(x).z) - x).abs().max() < 1e-4


@pytest.mark.parametrize("decay", [-0.1, 1.0])
def test_a_decay_out_of_range_is_refused(decay: float) -> None:
    with pytest.raises(InputError, match="decay must lie in"):
        EMA(decay)
