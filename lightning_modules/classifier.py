"""Training a classifier, or an oracle."""

from typing import Any

import torch
from pytorch_lightning.cli import LRSchedulerCallable, OptimizerCallable
from torch import Tensor, nn
from torchmetrics import MeanMetric

from counterfactuals.call import call
from counterfactuals.freeze import frozen
from lightning_modules.task import Task, shape_problem
from networks.checks import not_negative
from networks.errors import InputError, printable
from networks.placement import blank


class ClassifierModule(Task):
    """A network x → logits B×K, trained on class labels.

    A linear network with ``torch.nn.MultiMarginLoss`` and weight decay is the linear SVM oracle.

    Args:
        network: ``CNN``, ``MLP``, ``TimmModel`` or any module that normalises inside itself.
        loss: (logits, y) → scalar; cross-entropy unless given.
        noise: standard deviation of Gaussian noise on x in training; smooths the decision function.
        optimizer, scheduler: see ``Task``.
    """

    def __init__(
        self,
        network: nn.Module,
        loss: nn.Module | None = None,
        noise: float = 0.0,
        optimizer: OptimizerCallable = torch.optim.Adam,
        scheduler: LRSchedulerCallable | None = None,
    ) -> None:
        super().__init__(optimizer, scheduler)
        self.save_hyperparameters()
        self.save_plain_hyperparameters()
        InputError.collect(not_negative(noise=noise))
        self.network = network
        self.loss = loss or nn.CrossEntropyLoss()
        self.noise = noise
        self.accuracy = nn.ModuleDict({stage: MeanMetric() for stage in ("val", "test")})

    def forward(self, x: Tensor) -> Tensor:
        return self.network(x)

    def training_step(self, batch: dict[str, Tensor], batch_idx: int) -> Tensor:
        x = batch["x"]
        loss = self.loss(self(x + self.noise * torch.randn_like(x) if self.noise else x), batch["y"])
        self.log("train/loss", loss, batch_size=len(x))
        return loss

    def _evaluate(self, batch: dict[str, Tensor], stage: str) -> None:
        logits, n = self(batch["x"]), len(batch["x"])
        accuracy: Any = self.accuracy[stage]  # a ModuleDict forgets its modules' class
        accuracy.update((logits.argmax(1) == batch["y"]).float())
        self.log(f"{stage}/loss", self.loss(logits, batch["y"]), batch_size=n, sync_dist=True)
        self.log(f"{stage}/accuracy", accuracy, prog_bar=True, batch_size=n)

    def validation_step(self, batch: dict[str, Tensor], batch_idx: int) -> None:
        self._evaluate(batch, "val")

    def test_step(self, batch: dict[str, Tensor], batch_idx: int) -> None:
        self._evaluate(batch, "test")

    def problems_with(self, datamodule: Any) -> list[str]:
        if datamodule.task != "classification":
            return [f"a classifier needs class labels; {type(datamodule).__name__} is for {datamodule.task}"]
        return shape_problem("the network", getattr(self.network, "shape", None), datamodule) or (
            self._problem_of_output(datamodule)
        )

    def _problem_of_output(self, datamodule: Any) -> list[str]:
        """Try network and loss on one blank sample."""
        try:
            with frozen(self.network), torch.no_grad():
                logits = call(self.network, blank(self.network, datamodule.shape))
        except InputError as error:
            return [str(error)]
        if (k := logits.shape[1]) == datamodule.num_classes:
            return self._problem_of_loss(logits)
        return [
            f"the network returns {k} logits, but {type(datamodule).__name__} has {datamodule.num_classes} classes "
            f"({', '.join(map(printable, datamodule.class_names))}): set model.network.init_args.num_classes to "
            f"{datamodule.num_classes}"
        ]

    def _problem_of_loss(self, logits: Tensor) -> list[str]:
        try:
            self.loss(logits, torch.zeros(len(logits), dtype=torch.int64, device=logits.device))
        except (ValueError, TypeError, RuntimeError) as error:
            return [f"--model.loss {type(self.loss).__name__} cannot judge logits and classes: {error}"]
        return []
