"""Training a classifier, or an oracle."""

from typing import Any

import torch
from pytorch_lightning.cli import LRSchedulerCallable, OptimizerCallable
from torch import Tensor, nn
from torchmetrics.classification import MulticlassAccuracy

from counterfactuals.explain import call
from lightning_modules.task import Task, shape_problem
from networks.errors import InputError


class ClassifierModule(Task):
    """A network x → logits B×K, trained on class labels.

    A linear network with ``torch.nn.MultiMarginLoss`` and weight decay is the linear SVM oracle.

    Args:
        network: ``CNN``, ``MLP``, ``TimmModel`` or any module that normalises inside itself.
        num_classes: K.
        loss: (logits, y) → scalar; cross-entropy unless given.
        noise: standard deviation of Gaussian noise on x in training; smooths the decision function.
        optimizer, scheduler: see ``Task``.
    """

    def __init__(
        self,
        network: nn.Module,
        num_classes: int,
        loss: nn.Module | None = None,
        noise: float = 0.0,
        optimizer: OptimizerCallable = torch.optim.Adam,
        scheduler: LRSchedulerCallable | None = None,
    ) -> None:
        super().__init__(optimizer, scheduler)
        self.save_hyperparameters()
        self.save_plain_hyperparameters()
        self.network = network
        self.num_classes = num_classes
        self.loss = loss or nn.CrossEntropyLoss()
        self.noise = noise
        self.accuracy = nn.ModuleDict(
            {stage: MulticlassAccuracy(num_classes, average="micro") for stage in ("val", "test")}
        )

    def forward(self, x: Tensor) -> Tensor:
        return self.network(x)

    def training_step(self, batch: dict[str, Tensor], batch_idx: int) -> Tensor:
        x = batch["x"]
        loss = self.loss(self(x + self.noise * torch.randn_like(x) if self.noise else x), batch["y"])
        self.log("train/loss", loss, batch_size=len(x))
        return loss

    def _evaluate(self, batch: dict[str, Tensor], stage: str) -> None:
        logits, n = self(batch["x"]), len(batch["x"])
        self.accuracy[stage](logits, batch["y"])
        self.log(f"{stage}/loss", self.loss(logits, batch["y"]), batch_size=n, sync_dist=True)
        self.log(f"{stage}/accuracy", self.accuracy[stage], prog_bar=True, batch_size=n)

    def validation_step(self, batch: dict[str, Tensor], batch_idx: int) -> None:
        self._evaluate(batch, "val")

    def test_step(self, batch: dict[str, Tensor], batch_idx: int) -> None:
        self._evaluate(batch, "test")

    def problems_with(self, datamodule: Any) -> list[str]:
        if datamodule.task != "classification":
            return [f"a classifier needs class labels; {type(datamodule).__name__} is for {datamodule.task}"]
        problems = shape_problem("the network", getattr(self.network, "shape", None), datamodule)
        if datamodule.num_classes != self.num_classes:
            problems.append(
                f"model.num_classes is {self.num_classes}, but {type(datamodule).__name__} has "
                f"{datamodule.num_classes} classes: {', '.join(datamodule.class_names)}"
            )
        return problems or self._problem_of_output(datamodule)

    def _problem_of_output(self, datamodule: Any) -> list[str]:
        training = self.network.training
        try:
            with torch.no_grad():
                logits = call(self.network.eval(), torch.zeros(1, *datamodule.shape, device=self.device))
        except InputError as error:
            return [str(error)]
        finally:
            self.network.train(training)
        if logits.shape[1] != self.num_classes:
            return [f"the network returns {logits.shape[1]} logits, but model.num_classes is {self.num_classes}"]
        return []
