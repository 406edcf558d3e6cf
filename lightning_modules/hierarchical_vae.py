"""Training VAEX."""

import math
from typing import Any

import torch
import torch.nn.functional as F
from pytorch_lightning.cli import LRSchedulerCallable, OptimizerCallable
from torch import Tensor, nn

from counterfactuals.charts.hierarchical import HierarchicalChart
from lightning_modules.task import Task, shape_problem
from metrics import bits_per_dim
from networks.autoencoders import HierarchicalVAE
from networks.autoencoders.hierarchical import centred, condition_of_class
from networks.checks import not_negative
from networks.errors import InputError


class HierarchicalVAEModule(Task):
    """Minimise −E_q log p(x|z, ξ) + w Σ_d softplus(KL_d − λ) + λ, all in nats (VAEX, II-A and III-A).

    The softplus is the paper's smooth version of free bits, for every latent dimension and sample. Tested are what
    the paper's Table I has: negative log-likelihood, KL divergence, mean square error and bits per dimension.

    ξ comes from a classifier's probabilities for every sample of the data set, which ``callbacks.StoredProbabilities``
    computes once, before anything is trained.

    Args:
        vae: the autoencoder.
        kl_weight: w. The paper's 100 is for 49,923 values a sample and a variance of 0.001: the fewer values, the
            less.
        free_bits: λ, in nats.
        optimizer, scheduler, warmup_steps: see ``Task``.

    Attributes:
        probabilities: split → the classifier's probabilities of its samples, N×C.
        conditioned_on: hash of that classifier's weights; kept in checkpoints.
        classifier: the classifier itself while it is at hand; in a list, as it is no part of the task's weights.

    Raises:
        InputError: a negative number; on use, no probabilities.
    """

    def __init__(
        self,
        vae: HierarchicalVAE,
        kl_weight: float = 100.0,
        free_bits: float = 2.0,
        optimizer: OptimizerCallable = torch.optim.Adam,
        scheduler: LRSchedulerCallable | None = None,
        warmup_steps: int = 0,
    ) -> None:
        super().__init__(optimizer, scheduler, warmup_steps)
        self.save_hyperparameters()
        self.save_plain_hyperparameters()
        InputError.collect(not_negative(kl_weight=kl_weight, free_bits=free_bits))
        self.vae, self.kl_weight, self.free_bits = vae, kl_weight, free_bits
        self.probabilities: dict[str, Tensor] = {}
        self.conditioned_on = ""
        self.classifier: list[nn.Module] = []

    def forward(self, x: Tensor, xi: Tensor) -> Tensor:
        """The mean of x given the posterior's means, B×``shape``; ξ of B×(C − 1)."""
        return self.vae.reconstruct(x, xi)

    def chart(self, levels: int | None = None) -> HierarchicalChart:
        """The latents, or those of so many levels from the top, as coordinates; see ``HierarchicalChart``."""
        chart = HierarchicalChart(self.vae, self.conditioned_on, levels)
        for classifier in self.classifier:
            chart.explaining(classifier)
        return chart

    def sample(self, n: int, temperature: float = 1.0, generator: torch.Generator | None = None) -> Tensor:
        """n means of x of z ~ p(z|ξ), with ``temperature`` times its σ, of the classes in turn; n×``shape``."""
        xi = condition_of_class(torch.arange(n) % self.vae.num_classes, self.vae.num_classes).to(self.device)
        u = torch.randn(n, self.vae.latent_dim, generator=generator).to(self.device)
        return self.vae.decode(temperature * u, xi)

    def _xi(self, batch: dict[str, Tensor], split: str) -> Tensor:
        if split not in self.probabilities:
            raise InputError(
                "VAEX is conditional on a classifier's probabilities, and there are none: add "
                "callbacks.StoredProbabilities with the classifier's checkpoint to trainer.callbacks"
            )
        p = self.probabilities[split][batch["index"].to(self.probabilities[split].device)]
        return centred(p)[:, :-1].to(batch["x"])

    def training_step(self, batch: dict[str, Tensor], batch_idx: int) -> Tensor:
        terms = self.vae.elbo_terms(batch["x"], self._xi(batch, "train"))
        loss = self._loss(terms.reconstruction, terms.kl)
        values = {
            "train/loss": loss,
            "train/reconstruction": terms.reconstruction.mean(),
            "train/kl": terms.kl.sum(1).mean(),
        }
        self.log_dict(values, batch_size=len(batch["x"]))
        return loss

    def _loss(self, reconstruction: Tensor, kl: Tensor) -> Tensor:
        """Of B and B×D."""
        free = F.softplus(kl - self.free_bits) + self.free_bits
        return self.kl_weight * free.sum(1).mean() - reconstruction.mean()

    def _evaluate(self, batch: dict[str, Tensor], batch_idx: int, stage: str) -> None:
        x, xi = batch["x"], self._xi(batch, stage)
        # The same noise in every epoch: otherwise the best checkpoint is the luckiest.
        terms = self.vae.elbo_terms(x, xi, torch.Generator(self.device).manual_seed(batch_idx))
        levels = getattr(getattr(self.trainer, "datamodule", None), "levels", None)
        values = {
            "loss": self._loss(terms.reconstruction, terms.kl),
            "nll": -terms.reconstruction.mean(),
            "kl": terms.kl.sum(1).mean(),
            "mse": (self(x, xi) - x).square().mean(),
            "bpd": bits_per_dim(terms.elbo, math.prod(self.vae.shape), levels).mean(),
        }
        self.log_dict({f"{stage}/{name}": value for name, value in values.items()}, batch_size=len(x), sync_dist=True)

    def validation_step(self, batch: dict[str, Tensor], batch_idx: int) -> None:
        self._evaluate(batch, batch_idx, "val")

    def test_step(self, batch: dict[str, Tensor], batch_idx: int) -> None:
        self._evaluate(batch, batch_idx, "test")

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        super().on_save_checkpoint(checkpoint)
        checkpoint["conditioned_on"] = self.conditioned_on

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        super().on_load_checkpoint(checkpoint)
        self.conditioned_on = checkpoint.get("conditioned_on", "")

    def problems_with(self, datamodule: Any) -> list[str]:
        if datamodule.task != "classification":
            return [f"VAEX is conditional on classes; {type(datamodule).__name__} is for {datamodule.task}"]
        problems = shape_problem("the autoencoder", self.vae.shape, datamodule)
        if self.vae.num_classes != datamodule.num_classes:
            problems.append(
                f"the autoencoder is conditional on {self.vae.num_classes} classes, but {type(datamodule).__name__} "
                f"has {datamodule.num_classes}: set num_classes to that"
            )
        return problems
