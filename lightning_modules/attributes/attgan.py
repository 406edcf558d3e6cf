"""Training a generator that edits attributes."""

from typing import Any

import torch
from pytorch_lightning.cli import LRSchedulerCallable, OptimizerCallable
from torch import Tensor, nn
from torch.func import functional_call
from torchmetrics import MeanMetric

from counterfactuals.charts.attributes import AttributeChart
from lightning_modules.attributes.seen import attribute_problems
from lightning_modules.task import Task, shape_problem
from networks.checks import not_negative, objects, positive
from networks.errors import InputError
from networks.gans.attgan import AttributeDiscriminator, AttributeGenerator, Real, Seen
from networks.gans.losses import AdversarialLoss, Wasserstein


class AttGANModule(Task):
    """Generator and discriminator of AttGAN (He et al. 2019, 3.4), both a step at a time as in ``GANModule``.

    The generator minimises λ₁ ‖x − x^a‖₁ + λ₂ ℓ(C(x^b), b) − D(x^b), by pixel and by attribute, and the discriminator
    its adversarial loss and λ₃ ℓ(C(x), a), with a the attributes of x and x^b the image edited to have b. Each
    attribute of b is another image's with a probability of ``edited`` and otherwise its own: a search changes few at a
    time, and the paper's b, all of another image, would never show it that.

    Validated are ``reconstruction_error`` (root mean square), what the discriminator sees of attributes in images
    (``attribute_error``, ℓ, and ``accuracy`` of the binary ones) and in edits (``edit_error``; ``edits_seen``, of the
    binary attributes that were to change the share that it sees changed), and as ``loss`` the generator's first two
    terms, divided by the larger of their weights.

    Args:
        generator, discriminator: of the same attributes.
        loss: ``Wasserstein()`` unless given, as in the paper.
        edited: see above; 1 as in the paper.
        reconstruction, attribute, classification: λ₁, λ₂, λ₃.
        noise: largest standard deviation of Gaussian noise in copies of x and x^b, in which attributes have to be seen,
            too; drawn for every image. Without it edits were patterns that no other network saw (docs/results).
        generator_rate: the generator's learning rate in units of the discriminator's. The paper's generator makes one
            step of the same length every fifth time instead, which leaves weights without gradients, as DDP forbids.
        optimizer, scheduler, warmup_steps: see ``Task``.

    Raises:
        InputError: a negative weight, or networks of other attributes.
    """

    def __init__(
        self,
        generator: AttributeGenerator,
        discriminator: AttributeDiscriminator,
        loss: AdversarialLoss | None = None,
        edited: float = 0.5,
        reconstruction: float = 100.0,
        attribute: float = 10.0,
        classification: float = 1.0,
        noise: float = 0.0,
        generator_rate: float = 1.0,
        optimizer: OptimizerCallable = torch.optim.Adam,
        scheduler: LRSchedulerCallable | None = None,
        warmup_steps: int = 0,
    ) -> None:
        super().__init__(optimizer, scheduler, warmup_steps)
        self.save_hyperparameters()
        self.save_plain_hyperparameters()
        problems = objects(AdversarialLoss, loss=loss) if loss is not None else []
        problems += not_negative(reconstruction=reconstruction, attribute=attribute, classification=classification)
        problems += not_negative(noise=noise)
        problems += positive(generator_rate=generator_rate)
        if not 0 < edited <= 1:
            problems.append(f"edited is a probability above 0; got {edited}")
        if generator.units.names != discriminator.attributes:
            problems.append(
                f"the generator edits {', '.join(generator.units.names)}, the discriminator looks at "
                f"{', '.join(discriminator.attributes)}: give both the same attributes"
            )
        InputError.collect(problems)
        self.generator, self.discriminator, self.loss = generator, discriminator, loss or Wasserstein()
        self.edited, self.noise, self.generator_rate = edited, noise, generator_rate
        self.weights = (reconstruction, attribute, classification)
        self.shares = nn.ModuleDict(
            {f"{s}_{n}": MeanMetric("ignore") for s in ("val", "test") for n in ("accuracy", "edits_seen")}
        )

    def forward(self, x: Tensor, attributes: Tensor) -> Tensor:
        """x edited to have these attributes, B×``shape``."""
        return self.generator(x, attributes)

    def chart(self) -> AttributeChart:
        """Its attributes as coordinates; what they are in x is what the discriminator sees."""
        return AttributeChart(self.generator, Seen(self.discriminator))

    def parameter_groups(self) -> list[dict[str, Any]]:
        return [
            {"params": list(self.discriminator.parameters())},
            {"params": list(self.generator.parameters()), "times": self.generator_rate},
        ]

    def on_fit_start(self) -> None:
        super().on_fit_start()
        self.generator.units.learn(self.trainer.datamodule.split("train").attributes)  # type: ignore[attr-defined]

    def mixed(self, a: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """b of a, B×A: each entry is another row's with the probability ``edited``."""
        other = a[torch.randperm(len(a), generator=generator).to(a.device)]
        return torch.where(torch.rand(a.shape, generator=generator).to(a.device) < self.edited, other, a)

    def training_step(self, batch: dict[str, Tensor], batch_idx: int) -> Tensor:
        x, a = batch["x"], batch["attributes"]
        b, units = self.mixed(a), self.generator.units
        latent = self.generator.encode(x)
        back, made = self.generator.decode(torch.cat([latent, latent]), torch.cat([a, b])).chunk(2)
        of_real, seen = self._look(x)
        of_made, told = self._look(made, {name: w.detach() for name, w in self.discriminator.named_parameters()})
        reconstruction, attribute, classification = self.weights
        losses = {
            "discriminator": self.loss.discriminator(of_real, self.discriminator(made.detach())[0]),
            "classification": classification * units.loss(seen, a.repeat(len(seen) // len(a), 1)).mean(),
            "generator": self.loss.generator(of_made),
            "attribute": attribute * units.loss(told, b.repeat(len(told) // len(b), 1)).mean(),
            "reconstruction": reconstruction * (x - back).abs().mean(),
        }
        penalty = self.loss.penalty(Real(self.discriminator), x, made, None, self.global_step)
        if penalty is not None:
            losses["penalty"] = penalty
        self.log_dict({f"train/{name}": loss for name, loss in losses.items()}, batch_size=len(x))
        return torch.stack([loss.float() for loss in losses.values()]).sum()

    def _look(self, x: Tensor, weights: dict[str, Tensor] | None = None) -> tuple[Tensor, Tensor]:
        """How real x (B) seems, B, and its attributes, B×A; with noise those of noisy copies as well, 2B×A."""
        if self.noise:
            sigma = self.noise * torch.rand(len(x), 1, 1, 1, device=x.device)
            x = torch.cat([x, x + sigma * torch.randn_like(x)])
        given = self.discriminator(x) if weights is None else functional_call(self.discriminator, weights, (x,))
        return given[0][: len(x) // 2 if self.noise else None], given[1]

    def _evaluate(self, batch: dict[str, Tensor], batch_idx: int, stage: str) -> None:
        x, a, units = batch["x"], batch["attributes"], self.generator.units
        b = self.mixed(a, torch.Generator().manual_seed(hash((batch_idx, self.global_rank))))
        back, made = self.generator(x, a), self.generator(x, b)
        seen, told = self.discriminator(x)[1], self.discriminator(made)[1]
        reconstruction, attribute, _ = self.weights
        values = {
            "loss": (reconstruction * (x - back).abs().mean() + attribute * units.loss(told, b).mean())
            / max(reconstruction, attribute, 1.0),
            "reconstruction_error": (x - back).flatten(1).square().mean(1).sqrt().mean(),
            "attribute_error": units.loss(seen, a).mean(),
            "edit_error": units.loss(told, b).mean(),
        }
        self.log_dict({f"{stage}/{k}": v for k, v in values.items()}, batch_size=len(x), sync_dist=True)
        if units.binary.any():
            changed = (a != b) & units.binary
            shares = {
                "accuracy": ((seen > 0) == (a > 0.5))[:, units.binary].float(),
                "edits_seen": ((told > 0) == (b > 0.5))[changed].float(),
            }
            for name, right in shares.items():
                share: Any = self.shares[f"{stage}_{name}"]  # a ModuleDict forgets its modules' class
                share.update(right)
                self.log(f"{stage}/{name}", share, batch_size=len(x))

    def validation_step(self, batch: dict[str, Tensor], batch_idx: int) -> None:
        self._evaluate(batch, batch_idx, "val")

    def test_step(self, batch: dict[str, Tensor], batch_idx: int) -> None:
        self._evaluate(batch, batch_idx, "test")

    def problems_with(self, datamodule: Any) -> list[str]:
        return (
            shape_problem("the generator", self.generator.shape, datamodule)
            + shape_problem("the discriminator", self.discriminator.shape, datamodule)
        ) or attribute_problems(self.generator.units.names, datamodule)
