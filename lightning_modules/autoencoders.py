"""Training the autoencoders by which counterfactuals are judged."""

from typing import Any

import torch
from pytorch_lightning.cli import LRSchedulerCallable, OptimizerCallable
from torch import Tensor

from lightning_modules.task import Task, shape_problem
from networks.autoencoders import ClassAutoencoders
from networks.errors import printable


class ClassAutoencodersModule(Task):
    """All autoencoders of ``ClassAutoencoders`` at once: minimise the mean of (x − AE_y(x))² + (x − AE(x))².

    Every class's autoencoder sees the samples with that label alone, the last one all; they share no
    parameters, so that training them together is training each by itself.

    Args:
        autoencoders: the K + 1 autoencoders.
        optimizer, scheduler: see ``Task``.

    Attributes:
        class_names: of the data that they were trained on, in order; kept in checkpoints.
    """

    def __init__(
        self,
        autoencoders: ClassAutoencoders,
        optimizer: OptimizerCallable = torch.optim.Adam,
        scheduler: LRSchedulerCallable | None = None,
    ) -> None:
        super().__init__(optimizer, scheduler)
        self.save_hyperparameters()
        self.save_plain_hyperparameters()
        self.autoencoders = autoencoders
        self.class_names: list[str] = []

    def forward(self, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        """Mean square errors of every sample's AE_y(x), and of its AE(x); B each."""
        return mean_square(self.autoencoders(x, y) - x), mean_square(self.autoencoders.overall(x) - x)

    def _loss(self, batch: dict[str, Tensor], stage: str) -> Tensor:
        own, overall = (errors.mean() for errors in self(batch["x"], batch["y"]))
        values = {f"{stage}/own_class": own, f"{stage}/all_classes": overall, f"{stage}/loss": own + overall}
        self.log_dict(values, batch_size=len(batch["x"]), sync_dist=stage != "train")
        return own + overall

    def training_step(self, batch: dict[str, Tensor], batch_idx: int) -> Tensor:
        return self._loss(batch, "train")

    def validation_step(self, batch: dict[str, Tensor], batch_idx: int) -> None:
        self._loss(batch, "val")

    def test_step(self, batch: dict[str, Tensor], batch_idx: int) -> None:
        self._loss(batch, "test")

    def on_fit_start(self) -> None:
        super().on_fit_start()
        if (datamodule := getattr(self.trainer, "datamodule", None)) is not None:
            self.class_names = list(datamodule.class_names)

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        super().on_save_checkpoint(checkpoint)
        checkpoint["class_names"] = self.class_names

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        super().on_load_checkpoint(checkpoint)
        self.class_names = checkpoint.get("class_names", [])

    def problems_with(self, datamodule: Any) -> list[str]:
        data, k = type(datamodule).__name__, self.autoencoders.num_classes
        if datamodule.task != "classification":
            return [f"autoencoders of classes need class labels; {data} is for {datamodule.task}"]
        theirs, own = (", ".join(map(printable, names)) for names in (datamodule.class_names, self.class_names))
        problems = shape_problem("the autoencoders", self.autoencoders.shape, datamodule)
        if k != datamodule.num_classes:
            problems.append(
                f"there are autoencoders for {k} classes, but {data} has {datamodule.num_classes} "
                f"({theirs}): train them with num_classes: {datamodule.num_classes}"
            )
        elif self.class_names and self.class_names != list(datamodule.class_names):
            problems.append(
                f"the autoencoders were trained on the classes {own}, but those of {data} are "
                f"{theirs}: train them on this data set"
            )
        return problems


def mean_square(difference: Tensor) -> Tensor:
    """Over the entries of every sample; B."""
    return difference.square().flatten(1).mean(1)
