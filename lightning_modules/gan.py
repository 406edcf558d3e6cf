"""Training a generative adversarial network."""

from typing import Any

import torch
from pytorch_lightning.cli import LRSchedulerCallable, OptimizerCallable
from pytorch_lightning.utilities.rank_zero import rank_zero_warn
from torch import Tensor, nn
from torch.func import functional_call

from counterfactuals.charts.generator import GeneratorChart
from lightning_modules.task import Task, shape_problem
from metrics.realism.sliced import sliced_wasserstein
from networks.checks import objects
from networks.errors import InputError
from networks.gans.augment import AdaptiveAugment
from networks.gans.generator import Generator
from networks.gans.losses import AdversarialLoss, NonSaturating

CERTAIN = 0.98  # share of right answers at which a discriminator tells everything apart
EARLY = 1000  # steps, in which samples are alike anyway
ALIKE = 0.5  # of real images' mean distance, below which samples are too much alike


class GANModule(Task):
    """Generator against discriminator, both a step at a time (simultaneous gradient descent; Mescheder et al. 2018).

    Their losses are added, and each is one of its own weights alone: the discriminator's sees the samples as constants,
    and the generator's the discriminator's weights. So one backward pass and one optimiser serve both, which for an
    optimiser that treats weights singly, as Adam does, is one for each; mixed precision, several ranks, clipping and
    steps are as in every other task.

    Validated is the sliced Wasserstein distance of as many samples from the validation images, ``val/loss``
    (``metrics.realism.sliced``), the share of the discriminator's right answers, and the samples' ``diversity``, their
    mean distance from each other in units of real images'. A collapse is said.

    Args:
        generator: z → x.
        discriminator: x, and the labels where the generator is conditional → logits.
        loss: of both; ``NonSaturating`` unless given.
        augment: of what the discriminator sees, for small data sets; ``None`` for nothing.
        optimizer, scheduler, warmup_steps: see ``Task``.

    Raises:
        InputError: a generator and a discriminator of other classes.
    """

    def __init__(
        self,
        generator: Generator,
        discriminator: nn.Module,
        loss: AdversarialLoss | None = None,
        augment: AdaptiveAugment | None = None,
        optimizer: OptimizerCallable = torch.optim.Adam,
        scheduler: LRSchedulerCallable | None = None,
        warmup_steps: int = 0,
    ) -> None:
        super().__init__(optimizer, scheduler, warmup_steps)
        self.save_hyperparameters()
        self.save_plain_hyperparameters()
        InputError.collect(objects(AdversarialLoss, loss=loss) if loss is not None else [])
        judged = getattr(getattr(discriminator, "critic", None), "num_classes", generator.num_classes)
        if judged != generator.num_classes:
            known = [f"{n} classes" if n else "no classes" for n in (generator.num_classes, judged)]
            raise InputError(
                f"the generator knows {known[0]}, and the discriminator {known[1]}: give both the same num_classes"
            )
        self.generator, self.discriminator = generator, discriminator
        self.loss, self.augment = loss or NonSaturating(), augment

    def forward(self, z: Tensor) -> Tensor:
        """g(z) of z of B×D, B×``shape``."""
        return self.generator(z)

    def chart(self) -> GeneratorChart:
        """The generator's latent space, x inverted by optimisation alone; an ``InverterModule``'s is faster."""
        return GeneratorChart(self.generator)

    def sample(self, n: int, temperature: float = 1.0, generator: torch.Generator | None = None) -> Tensor:
        """n samples, n×``shape``, their latents times ``temperature``; classes as often as in the training's images."""
        z = self.generator.draw(n, None, generator)
        z[:, : self.generator.latent_dim] *= temperature
        return self.generator(z.to(self.device))

    def on_fit_start(self) -> None:
        super().on_fit_start()
        if known := self.generator.num_classes:
            y = torch.as_tensor(self.trainer.datamodule.split("train").y)  # type: ignore[attr-defined]  # at run time
            shares: Tensor = self.generator.class_shares
            shares.copy_(torch.bincount(y, minlength=known) / len(y))

    def _labels(self, batch: dict[str, Tensor]) -> Tensor | None:
        return batch["y"] if self.generator.num_classes else None

    def _judge(self, x: Tensor, y: Tensor | None, weights: dict[str, Tensor] | None = None) -> Tensor:
        """The discriminator's logits, with these weights where there are any."""
        given = (x,) if y is None else (x, y)
        return self.discriminator(*given) if weights is None else functional_call(self.discriminator, weights, given)

    def training_step(self, batch: dict[str, Tensor], batch_idx: int) -> Tensor:
        x, y = batch["x"], self._labels(batch)
        made = self.generator(self.generator.draw(len(x), y).to(x))
        real, seen = self._changed(x), self._changed(made)
        of_real, of_made = self._judge(real, y), self._judge(seen.detach(), y)
        constant = {name: weight.detach() for name, weight in self.discriminator.named_parameters()}
        losses = {
            "discriminator": self.loss.discriminator(of_real, of_made),
            "generator": self.loss.generator(self._judge(seen, y, constant)),
        }
        penalty = self.loss.penalty(self.discriminator, real, seen, y, self.global_step)
        if penalty is not None:
            losses["penalty"] = penalty
        if self.augment is not None:
            self.augment.update(of_real.detach())
            self.log("train/augmented", self.augment.p, batch_size=len(x))
        self.log_dict({f"train/{name}": loss for name, loss in losses.items()}, batch_size=len(x))
        return torch.stack([loss.float() for loss in losses.values()]).sum()

    def _changed(self, x: Tensor) -> Tensor:
        return x if self.augment is None else self.augment(x)

    def _evaluate(self, batch: dict[str, Tensor], batch_idx: int, stage: str) -> None:
        x, y = batch["x"], self._labels(batch)
        # The same latents in every epoch, and others on every rank.
        drawn = torch.Generator().manual_seed(hash((batch_idx, self.global_rank)))
        made = self.generator(self.generator.draw(len(x), y, drawn).to(x)).clamp(0, 1)
        right = torch.cat([self._judge(x, y) > 0, self._judge(made, y) <= 0]).float().mean()
        values = {
            "loss": sliced_wasserstein(x, made),
            "discriminator_accuracy": right,
            "diversity": spread(made) / spread(x).clamp(min=1e-6),
        }
        self.log_dict({f"{stage}/{k}": v for k, v in values.items()}, batch_size=len(x), sync_dist=True)

    def validation_step(self, batch: dict[str, Tensor], batch_idx: int) -> None:
        self._evaluate(batch, batch_idx, "val")

    def test_step(self, batch: dict[str, Tensor], batch_idx: int) -> None:
        self._evaluate(batch, batch_idx, "test")

    def on_validation_epoch_end(self) -> None:
        found = self.trainer.callback_metrics
        if self.global_step < EARLY or "val/diversity" not in found:
            return
        diversity, right = float(found["val/diversity"]), float(found["val/discriminator_accuracy"])
        if diversity < ALIKE:
            rank_zero_warn(
                f"the generator has collapsed: its samples differ {diversity:.0%} as much as real images. Train with a "
                "larger gamma of NonSaturating, a lower rate, or augment, and go on from an earlier checkpoint"
            )
        elif right > CERTAIN:
            rank_zero_warn(
                f"the discriminator tells {right:.0%} of all images apart, and has little left to teach: a larger "
                "gamma of NonSaturating, or augment, makes its task harder"
            )

    def problems_with(self, datamodule: Any) -> list[str]:
        problems = shape_problem("the generator", self.generator.shape, datamodule)
        problems += shape_problem("the discriminator", getattr(self.discriminator, "shape", None), datamodule)
        if known := self.generator.num_classes:
            if datamodule.task != "classification":
                problems.append(f"the generator knows classes; {type(datamodule).__name__} is for {datamodule.task}")
            elif known != datamodule.num_classes:
                problems.append(
                    f"the generator knows {known} classes, but {type(datamodule).__name__} has "
                    f"{datamodule.num_classes}: set num_classes of generator and discriminator to that, or to "
                    "null"
                )
        return problems


def spread(x: Tensor) -> Tensor:
    """Mean root-mean-square distance between samples of B×…, a scalar; 0 for fewer than two."""
    if len(x) < 2:
        return x.new_zeros(())
    flat = x.flatten(1).float()
    return torch.pdist(flat).mean() / flat.shape[1] ** 0.5
