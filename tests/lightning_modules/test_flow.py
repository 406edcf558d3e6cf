import math

import pytest
import pytorch_lightning as pl
import torch

from datamodules import Digits, Helix
from lightning_modules import FlowModule
from networks import VectorRealNVP

QUIET = {
    "logger": False,
    "enable_progress_bar": False,
    "enable_model_summary": False,
    "accelerator": "cpu",
    "enable_checkpointing": False,
}


def test_loss_is_bits_per_dim_of_the_dequantised_batch() -> None:
    flow = VectorRealNVP([1, 8, 8], 2, [8], levels=17)
    module, batch = FlowModule(flow), next(iter(Digits(batch_size=16).val_dataloader()))
    torch.manual_seed(1)
    loss = module.training_step(batch, 0)
    torch.manual_seed(1)
    x = batch["x"] + (torch.rand_like(batch["x"]) - 0.5) / 16
    expected = (-flow.log_prob(x) + 64 * math.log(16)) / (64 * math.log(2))
    assert torch.allclose(loss, expected.mean())


def test_training_lowers_bits_per_dim_and_validation_is_repeatable() -> None:
    data = Digits(batch_size=128)
    module = FlowModule(VectorRealNVP([1, 8, 8], 2, [32], levels=17))
    trainer = pl.Trainer(max_epochs=3, **QUIET)
    before = trainer.validate(module, datamodule=data, verbose=False)[0]["val/bpd"]
    trainer.fit(module, datamodule=data)
    first, second = (trainer.validate(module, datamodule=data, verbose=False)[0]["val/bpd"] for _ in range(2))
    assert first == second < before


def test_noise_thickens_continuous_data() -> None:
    module = FlowModule(VectorRealNVP([3], 2, [8]), noise=0.1)
    x = torch.zeros(20_000, 3)
    assert module._noisy(x).std() == pytest.approx(0.1, abs=0.002)


def test_wrong_levels_are_refused() -> None:
    module = FlowModule(VectorRealNVP([1, 8, 8], 2, [8], levels=256))
    (problem,) = module.problems_with(Digits())
    assert "levels=256, but Digits has 17 grey values" in problem
    assert len(module.problems_with(Helix())) == 2
