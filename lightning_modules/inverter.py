"""Training the encoder that a generator lacks."""

from typing import Any

import torch
from pytorch_lightning.cli import LRSchedulerCallable, OptimizerCallable
from torch import Tensor, nn

from counterfactuals.charts.generator import GeneratorChart
from counterfactuals.inversion import Amortised, dim_of
from lightning_modules.checkpoints.checkpoint import load, read
from lightning_modules.gan import GANModule
from lightning_modules.task import Task, shape_problem
from networks.checks import not_negative, whole
from networks.errors import InputError
from networks.gans.generator import Generator


class InverterModule(Task):
    """Minimise ‖g(e(x)) − x‖² over images, and ‖g(e(g(z))) − g(z)‖² + λ ‖e(g(z)) − z‖² over samples, by entry.

    Of samples z is known, and of images it need not exist: so it learns from both. The generator stays as it is, and
    its weights stand in the checkpoint, which is a chart of its own.

    Args:
        generator: the checkpoint of a ``GANModule``; or the generator itself, as in this task's own checkpoints.
        encoder: x of B×``shape`` → z of B×D.
        latent_weight: λ.
        steps: of the optimisation that refines z where the chart encodes; 0 for none (``Amortised``).
        optimizer, scheduler, warmup_steps: see ``Task``.

    Raises:
        InputError: a checkpoint that is none of a GAN, or a number out of its range.
    """

    def __init__(
        self,
        generator: str | Generator,
        encoder: nn.Module,
        latent_weight: float = 0.1,
        steps: int = 20,
        optimizer: OptimizerCallable = torch.optim.Adam,
        scheduler: LRSchedulerCallable | None = None,
        warmup_steps: int = 0,
    ) -> None:
        super().__init__(optimizer, scheduler, warmup_steps)
        InputError.collect(not_negative(latent_weight=latent_weight) + whole(0, steps=steps))
        self.save_hyperparameters()
        if isinstance(generator, str):
            # What the GAN's checkpoint was made of, so that this one's can be built without it.
            self.hparams["generator"] = read(generator)["hyper_parameters"].get("generator")
            generator = load(generator, GANModule).generator
        self.save_plain_hyperparameters()
        self.generator, self.encoder = generator.eval().requires_grad_(False), encoder
        self.latent_weight, self.steps = latent_weight, steps

    def forward(self, x: Tensor) -> Tensor:
        """g(e(x)), B×``shape``."""
        return self.generator(self.encoder(x))

    def chart(self) -> GeneratorChart:
        """The generator's latent space, x encoded by the encoder and some steps from there."""
        return GeneratorChart(self.generator, Amortised(self.encoder, self.steps))

    def train(self, mode: bool = True) -> "InverterModule":
        """The generator stays in evaluation: its statistics are those that it was trained with."""
        super().train(mode)
        self.generator.eval()
        return self

    def training_step(self, batch: dict[str, Tensor], batch_idx: int) -> Tensor:
        x = batch["x"]
        with torch.no_grad():
            z = self.generator.draw(len(x)).to(x)
            samples = self.generator(z)
        codes = self.encoder(torch.cat([x, samples]))
        losses = {
            "reconstruction": (self.generator(codes) - torch.cat([x, samples])).square().mean(),
            "latent": (codes[len(x) :] - z).square().mean(),
        }
        loss = losses["reconstruction"] + self.latent_weight * losses["latent"]
        self.log_dict({"train/loss": loss, **{f"train/{k}": v for k, v in losses.items()}}, batch_size=len(x))
        return loss

    def _evaluate(self, batch: dict[str, Tensor], stage: str) -> None:
        x = batch["x"]
        error = (self(x) - x).flatten(1).square().mean(1).sqrt().mean()
        self.log(f"{stage}/loss", error, prog_bar=stage == "val", batch_size=len(x), sync_dist=True)

    def validation_step(self, batch: dict[str, Tensor], batch_idx: int) -> None:
        self._evaluate(batch, "val")

    def test_step(self, batch: dict[str, Tensor], batch_idx: int) -> None:
        self._evaluate(batch, "test")

    def problems_with(self, datamodule: Any) -> list[str]:
        problems = shape_problem("the generator", self.generator.shape, datamodule)
        return problems or self._problems_with_encoder()

    @torch.no_grad()
    def _problems_with_encoder(self) -> list[str]:
        before, dim = self.encoder.training, dim_of(self.generator)
        weight = next(self.encoder.parameters())  # which may not have come to the module's device yet
        z = self.encoder.eval()(weight.new_zeros(2, *self.generator.shape))
        self.encoder.train(before)
        if z.shape == (2, dim):
            return []
        return [
            f"the generator takes z of {dim} numbers, and the encoder gives {tuple(z.shape[1:])}: set its dim to {dim}"
        ]
