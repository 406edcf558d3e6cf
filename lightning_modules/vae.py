"""Training a variational autoencoder."""

from typing import Any

import torch
from pytorch_lightning.cli import LRSchedulerCallable, OptimizerCallable
from torch import Tensor, nn

from counterfactuals.charts.autoencoder import AutoencoderChart
from lightning_modules.task import Task, shape_problem
from metrics import ActiveUnits
from networks.autoencoders import VAE
from networks.checks import not_negative, whole
from networks.errors import InputError


class VAEModule(Task):
    """Maximise E_q log p(x|z) − β Σ_d max(KL_d, λ), KL_d averaged over the batch; all in nats a sample.

    β is that of Higgins et al. 2017 (β-VAE) and λ the free bits of Kingma et al. 2016 (arXiv 1606.04934,
    C.8): what a latent dimension may cost before it is punished. Validated and tested is the evidence lower
    bound itself, with β = 1 and λ = 0.

    Args:
        vae: the autoencoder.
        beta: β.
        free_bits: λ, in nats.
        kl_warmup_steps: optimiser steps in which β grows linearly from 0 (Bowman et al. 2016): a posterior that is
            pressed to the prior before the decoder has learned to read it stays there.
        importance_samples: S of ``VAE.log_likelihood``, which a test then adds; 0 for none.
        optimizer, scheduler, warmup_steps: see ``Task``.

    Raises:
        InputError: a negative number.
    """

    def __init__(
        self,
        vae: VAE,
        beta: float = 1.0,
        free_bits: float = 0.0,
        kl_warmup_steps: int = 0,
        importance_samples: int = 0,
        optimizer: OptimizerCallable = torch.optim.Adam,
        scheduler: LRSchedulerCallable | None = None,
        warmup_steps: int = 0,
    ) -> None:
        super().__init__(optimizer, scheduler, warmup_steps)
        self.save_hyperparameters()
        self.save_plain_hyperparameters()
        InputError.collect(
            not_negative(beta=beta, free_bits=free_bits)
            + whole(0, kl_warmup_steps=kl_warmup_steps, importance_samples=importance_samples)
        )
        self.vae = vae
        self.beta, self.free_bits, self.kl_warmup_steps = beta, free_bits, kl_warmup_steps
        self.importance_samples = importance_samples
        self.active_units = nn.ModuleDict({stage: ActiveUnits(vae.latent_dim) for stage in ("val", "test")})

    def forward(self, x: Tensor) -> Tensor:
        """E[x|z] at z = E[z|x], B×``shape``."""
        return self.vae(x)

    def chart(self) -> AutoencoderChart:
        """The posterior's mean and the likelihood's as coordinates for a search."""
        return AutoencoderChart(self.vae)

    def sample(self, n: int, temperature: float = 1.0, generator: torch.Generator | None = None) -> Tensor:
        """n means E[x|z] of z ~ N(0, temperature²), n×``shape``."""
        return self.vae.sample(n, temperature, generator)

    def _beta(self) -> float:
        """β at this step."""
        return self.beta * min(1.0, self.global_step / self.kl_warmup_steps if self.kl_warmup_steps else 1.0)

    def training_step(self, batch: dict[str, Tensor], batch_idx: int) -> Tensor:
        terms, beta = self.vae.elbo_terms(batch["x"]), self._beta()
        reconstruction, kl = terms.reconstruction.mean(), terms.kl.mean(0)
        loss = beta * kl.clamp(min=self.free_bits).sum() - reconstruction
        values = {
            "train/loss": loss,
            "train/elbo": terms.elbo.mean(),
            "train/reconstruction": reconstruction,
            "train/kl": kl.sum(),
            "train/beta": torch.tensor(beta),
        }
        self.log_dict(values, batch_size=len(batch["x"]))
        return loss

    def _evaluate(self, batch: dict[str, Tensor], batch_idx: int, stage: str) -> None:
        x, n = batch["x"], len(batch["x"])
        # The same noise in every epoch: otherwise the best checkpoint is the luckiest.
        generator = torch.Generator(self.device).manual_seed(batch_idx)
        posterior = self.vae.posterior(x)
        terms = self.vae.elbo_terms(x, generator, posterior)
        active: Any = self.active_units[stage]  # a ModuleDict forgets its modules' class
        active.update(posterior.expectation())
        values = {
            "loss": -terms.elbo.mean(),
            "elbo": terms.elbo.mean(),
            "reconstruction": terms.reconstruction.mean(),
            "kl": terms.kl.sum(1).mean(),
        }
        if stage == "test" and self.importance_samples:
            values["log_likelihood"] = self.vae.log_likelihood(x, self.importance_samples, generator=generator).mean()
        self.log_dict({f"{stage}/{name}": value for name, value in values.items()}, batch_size=n, sync_dist=True)
        self.log(f"{stage}/active_units", active, batch_size=n)

    def validation_step(self, batch: dict[str, Tensor], batch_idx: int) -> None:
        self._evaluate(batch, batch_idx, "val")

    def test_step(self, batch: dict[str, Tensor], batch_idx: int) -> None:
        self._evaluate(batch, batch_idx, "test")

    def problems_with(self, datamodule: Any) -> list[str]:
        return shape_problem("the autoencoder", self.vae.shape, datamodule)
