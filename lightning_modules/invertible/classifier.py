"""Training a flow that classifies."""

from typing import Any

import torch
import torch.nn.functional as F
from pytorch_lightning.cli import LRSchedulerCallable, OptimizerCallable
from torch import Tensor, nn
from torchmetrics import MeanMetric
from torchmetrics.classification import MulticlassCalibrationError

from counterfactuals.charts.invertible import InvertibleChart
from lightning_modules.flow import condition_problems, dequantized
from lightning_modules.task import Task, shape_problem
from metrics import bits_per_dim
from networks.checks import not_negative
from networks.errors import InputError, printable
from networks.invertible import InvertibleClassifier

BINS = 15  # of the calibration error, as usual since Guo et al. 2017


class InvertibleClassifierModule(Task):
    """Likelihood and cross-entropy together: minimise bits/dim + λ CE (IB-INN, Ardizzone et al. 2020, eq. 13).

    The likelihood makes x′ real, the cross-entropy makes the classes ones that can be told apart; with λ = 0 a mixture
    learns no classes, for its own classes need not be the labels'. Validated are ``bpd`` of dequantised images, and of
    images as they are ``accuracy``, ``cross_entropy`` (nats) and ``calibration``: by how much confidences are off, the
    expected calibration error of Guo et al. 2017. ``loss`` is what is minimised.

    Args:
        network: flow and head.
        cross_entropy: λ, of CE in nats.
        optimizer, scheduler, warmup_steps: see ``Task``.
    """

    def __init__(
        self,
        network: InvertibleClassifier,
        cross_entropy: float = 1.0,
        optimizer: OptimizerCallable = torch.optim.Adam,
        scheduler: LRSchedulerCallable | None = None,
        warmup_steps: int = 0,
    ) -> None:
        super().__init__(optimizer, scheduler, warmup_steps)
        self.save_hyperparameters()
        self.save_plain_hyperparameters()
        InputError.collect(not_negative(cross_entropy=cross_entropy))
        self.network, self.cross_entropy = network, cross_entropy
        stages = ("val", "test")
        self.accuracy = nn.ModuleDict({stage: MeanMetric() for stage in stages})
        self.calibration = nn.ModuleDict(
            {stage: MulticlassCalibrationError(network.num_classes, BINS) for stage in stages}
        )

    def forward(self, x: Tensor) -> Tensor:
        """Logits, B×K."""
        return self.network(x)

    def chart(self) -> InvertibleChart:
        """The classifier's own latent space, where its classes are known."""
        return InvertibleChart(self.network)

    def sample(self, n: int, temperature: float = 1.0, generator: torch.Generator | None = None) -> Tensor:
        """n images, n×``shape``; of a mixture the classes 0, 1, … in turn."""
        return self.network.sample(n, temperature, generator)

    def _losses(self, x: Tensor, y: Tensor, seed: int | None = None) -> tuple[Tensor, Tensor]:
        """Bits/dim and cross-entropy of dequantised images."""
        flow = self.network.flow
        said = self.network.classified(dequantized(flow, x, seed))
        bpd = bits_per_dim(said.log_prob, flow.dim, flow.levels, flow.n_bits).mean()
        return bpd, F.cross_entropy(said.logits, y)

    def training_step(self, batch: dict[str, Tensor], batch_idx: int) -> Tensor:
        bpd, ce = self._losses(batch["x"], batch["y"])
        self.log_dict({"train/bpd": bpd, "train/cross_entropy": ce}, batch_size=len(batch["x"]))
        return bpd + self.cross_entropy * ce

    def _evaluate(self, batch: dict[str, Tensor], batch_idx: int, stage: str) -> None:
        x, y, n = batch["x"], batch["y"], len(batch["x"])
        # The same noise in every epoch: otherwise the best checkpoint is the luckiest.
        bpd, ce = self._losses(x, y, seed=batch_idx)
        logits = self(x)
        accuracy: Any = self.accuracy[stage]  # a ModuleDict forgets its modules' class
        calibration: Any = self.calibration[stage]
        accuracy.update((logits.argmax(1) == y).float())
        calibration.update(logits.softmax(1), y)
        losses = {"loss": bpd + self.cross_entropy * ce, "cross_entropy": F.cross_entropy(logits, y)}
        self.log_dict({f"{stage}/{k}": v for k, v in losses.items()}, batch_size=n, sync_dist=True)
        self.log(f"{stage}/bpd", bpd, prog_bar=True, batch_size=n, sync_dist=True)
        self.log(f"{stage}/accuracy", accuracy, prog_bar=True, batch_size=n)
        self.log(f"{stage}/calibration", calibration, batch_size=n)

    def validation_step(self, batch: dict[str, Tensor], batch_idx: int) -> None:
        self._evaluate(batch, batch_idx, "val")

    def test_step(self, batch: dict[str, Tensor], batch_idx: int) -> None:
        self._evaluate(batch, batch_idx, "test")

    def problems_with(self, datamodule: Any) -> list[str]:
        if datamodule.task != "classification":
            return [f"a classifier needs class labels; {type(datamodule).__name__} is for {datamodule.task}"]
        problems = shape_problem("the flow", self.network.shape, datamodule)
        problems += condition_problems(self.network.flow, datamodule)
        if (k := self.network.num_classes) != datamodule.num_classes:
            names = ", ".join(map(printable, datamodule.class_names))
            problems.append(
                f"the head is for {k} classes, but {type(datamodule).__name__} has {datamodule.num_classes} ({names}): "
                f"set model.network.init_args.head.init_args.num_classes to {datamodule.num_classes}"
            )
        return problems
