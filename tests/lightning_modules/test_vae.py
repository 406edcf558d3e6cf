from pathlib import Path

import pytest
import pytorch_lightning as pl
import torch

from counterfactuals import AutoencoderChart
from datamodules import Digits, Helix
from lightning_modules import VAEModule, load
from networks import BatchGaussian, ConvVAE, GatedVAE, InputError
from tests.support.runs import fit
from tests.support.trees import write_mnist

QUIET = {
    "logger": False,
    "enable_progress_bar": False,
    "enable_model_summary": False,
    "accelerator": "cpu",
    "enable_checkpointing": False,
}


def module(num_reflections: int = 0, **settings) -> VAEModule:
    torch.manual_seed(0)
    vae = ConvVAE([1, 8, 8], [8, 8], 5, num_reflections=num_reflections, features=16)
    return VAEModule(vae, optimizer=lambda p: torch.optim.Adam(p, 5e-3), **settings)


def test_the_loss_is_the_negative_bound_with_a_weighted_divergence() -> None:
    batch = next(iter(Digits(batch_size=16).val_dataloader()))
    for settings in ({}, {"beta": 3.0}, {"free_bits": 0.05, "beta": 2.0}):
        vae = module(**settings)
        torch.manual_seed(1)
        loss = vae.training_step(batch, 0)
        torch.manual_seed(1)
        terms = vae.vae.elbo_terms(batch["x"])
        kl = terms.kl.mean(0).clamp(min=settings.get("free_bits", 0.0)).sum()
        assert torch.allclose(loss, settings.get("beta", 1.0) * kl - terms.reconstruction.mean())


def test_below_the_free_bits_a_divergence_has_no_gradient() -> None:
    vae, batch = module(free_bits=100.0), {"x": torch.rand(4, 1, 8, 8)}
    torch.manual_seed(1)
    free = torch.autograd.grad(vae.training_step(batch, 0), vae.vae.mean.weight)[0]
    torch.manual_seed(1)
    terms = vae.vae.elbo_terms(batch["x"])
    assert torch.allclose(free, torch.autograd.grad(-terms.reconstruction.mean(), vae.vae.mean.weight)[0], atol=1e-6)


class Betas(pl.Callback):
    def __init__(self) -> None:
        self.seen: list[float] = []

    def on_train_batch_end(self, trainer, pl_module, outputs, batch, batch_idx) -> None:
        self.seen.append(float(trainer.callback_metrics["train/beta"]))


def test_the_divergence_is_warmed_up() -> None:
    betas = Betas()
    trainer = pl.Trainer(max_epochs=1, limit_train_batches=6, limit_val_batches=0, callbacks=[betas], **QUIET)
    trainer.fit(module(beta=2.0, kl_warmup_steps=4), datamodule=Digits())
    assert betas.seen == [0.0, 0.5, 1.0, 1.5, 2.0, 2.0]


def test_learns_digits_and_reports_the_bound_whatever_it_is_trained_with() -> None:
    data, task = Digits(batch_size=64), module(2, beta=0.5, free_bits=0.1, importance_samples=20)
    before = pl.Trainer(**QUIET).validate(task, datamodule=data, verbose=False)[0]
    trainer = pl.Trainer(max_epochs=5, **QUIET)
    trainer.fit(task, datamodule=data)
    after = trainer.validate(task, datamodule=data, verbose=False)[0]
    assert after["val/loss"] < before["val/loss"] - 5
    assert after["val/loss"] == pytest.approx(-after["val/elbo"])
    assert after["val/elbo"] == pytest.approx(after["val/reconstruction"] - after["val/kl"], rel=1e-5)
    assert 1 <= after["val/active_units"] <= 5 and after["val/active_units"] == int(after["val/active_units"])
    (tested,) = trainer.test(task, datamodule=data, verbose=False)
    assert tested["test/elbo"] < tested["test/log_likelihood"]
    assert {"test/loss", "test/reconstruction", "test/kl", "test/active_units"} <= tested.keys()


def test_active_units_are_those_of_the_whole_split() -> None:
    task = module()
    with torch.no_grad():
        task.vae.mean.weight[:3] *= 100  # these vary between samples, the others hardly
        task.vae.mean.weight[3:] *= 1e-3
    (found,) = pl.Trainer(**QUIET).validate(task, datamodule=Digits(batch_size=7), verbose=False)
    with torch.no_grad():
        variance = task.vae.encode(Digits().split("val").x).var(0, correction=0)
    assert found["val/active_units"] == (variance > 0.01).sum() == 3


def test_the_same_validation_every_time() -> None:
    losses = []
    for seed in (1, 2):
        task = module()
        torch.manual_seed(seed)
        losses.append(pl.Trainer(**QUIET).validate(task, datamodule=Digits(), verbose=False)[0]["val/loss"])
    assert losses[0] == losses[1]


def test_validation_leaves_a_running_variance_alone() -> None:
    task = VAEModule(ConvVAE([1, 8, 8], [4], 3, BatchGaussian([1, 8, 8])))
    pl.Trainer(**QUIET).validate(task, datamodule=Digits(), verbose=False)
    assert torch.equal(task.vae.likelihood.running_variance, torch.ones(1, 8, 8))
    pl.Trainer(max_epochs=1, limit_train_batches=2, **QUIET).fit(task, datamodule=Digits())
    assert (task.vae.likelihood.running_variance < 1).all()


def test_its_chart_and_its_samples() -> None:
    task, x = module(2).eval(), torch.rand(3, 1, 8, 8)
    chart = task.chart()
    assert isinstance(chart, AutoencoderChart) and not chart.exact and chart.dim == 5 and chart.shape == (1, 8, 8)
    assert torch.equal(chart.decode(chart.encode(x)), task(x))
    assert chart.encode_with_log_prob(x)[1] is None
    assert task.sample(6, 0.5, torch.Generator().manual_seed(0)).shape == (6, 1, 8, 8)


def test_problems_name_what_to_change() -> None:
    assert module().problems_with(Digits()) == []
    (problem,) = module().problems_with(Helix())
    assert "the autoencoder was made for samples of shape (1, 8, 8)" in problem
    with pytest.raises(InputError, match=r"(?s)several problems.*beta must not be negative; got -1.*free_bits"):
        module(beta=-1, free_bits=-0.1)


def test_a_checkpoint_gives_it_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write_mnist(tmp_path / "data")
    fit("binarized_mnist/vae_hf10.yaml", "--data.n_val=20")
    path = "runs/binarized_mnist/vae_hf10/best.ckpt"
    again, saved = load(path, VAEModule), torch.load(path, weights_only=True)
    assert isinstance(again.vae, GatedVAE) and len(again.vae.reflections) == 10
    assert all(torch.equal(v, saved["state_dict"][k]) for k, v in again.state_dict().items())
