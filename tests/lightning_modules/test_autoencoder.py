import pytest
import pytorch_lightning as pl
import torch
from torch import nn

from datamodules import Digits, Helix
from lightning_modules import AutoencoderModule
from networks import ConvAutoencoder, VectorAutoencoder

QUIET = {
    "logger": False,
    "enable_progress_bar": False,
    "enable_model_summary": False,
    "accelerator": "cpu",
    "enable_checkpointing": False,
}


def module(loss: nn.Module | None = None) -> AutoencoderModule:
    return AutoencoderModule(ConvAutoencoder([1, 8, 8], [8, 8], 6), loss, lambda p: torch.optim.Adam(p, 5e-3))


def test_loss_is_the_mean_square_error_unless_another_is_given() -> None:
    x = torch.rand(4, 1, 8, 8)
    for loss, power in ((None, 2), (nn.L1Loss(), 1)):
        task = module(loss)
        expected = (task.autoencoder(x) - x).abs().pow(power).mean()
        assert torch.allclose(task.training_step({"x": x}, 0), expected)


def test_learns_digits_and_their_coordinates() -> None:
    task, data = module(), Digits(batch_size=64)
    trainer = pl.Trainer(max_epochs=25, limit_val_batches=0, **QUIET)
    trainer.fit(task, datamodule=data)
    x, chart = data.split("test").x, task.chart()
    with torch.no_grad():
        error = (chart.decode(chart.encode(x)) - x).square().mean()
    assert error < 0.6 * x.var(0).mean() and chart.dim == 6 and not chart.exact
    (tested,) = trainer.test(task, datamodule=data, verbose=False)
    assert tested["test/loss"] == pytest.approx(float(error), rel=1e-4)


def test_problems_name_what_to_change() -> None:
    assert module().problems_with(Digits()) == []
    assert AutoencoderModule(VectorAutoencoder([3])).problems_with(Helix()) == []
    (problem,) = module().problems_with(Helix())
    assert "the autoencoder was made for samples of shape (1, 8, 8), but Helix gives (3,)" in problem
