"""Training an autoencoder as coordinates to search in."""

from typing import Any

import torch
from pytorch_lightning.cli import LRSchedulerCallable, OptimizerCallable
from torch import Tensor, nn

from counterfactuals.charts.autoencoder import AutoencoderChart
from lightning_modules.task import Task, shape_problem
from networks.autoencoders import Autoencoder


class AutoencoderModule(Task):
    """Minimise the distance of decode(encode(x)) from x.

    Args:
        autoencoder: encoder and decoder.
        loss: (decode(encode(x)), x) → scalar; the mean square error unless given.
        optimizer, scheduler, warmup_steps: see ``Task``.
    """

    def __init__(
        self,
        autoencoder: Autoencoder,
        loss: nn.Module | None = None,
        optimizer: OptimizerCallable = torch.optim.Adam,
        scheduler: LRSchedulerCallable | None = None,
        warmup_steps: int = 0,
    ) -> None:
        super().__init__(optimizer, scheduler, warmup_steps)
        self.save_hyperparameters()
        self.save_plain_hyperparameters()
        self.autoencoder = autoencoder
        self.loss = loss or nn.MSELoss()

    def forward(self, x: Tensor) -> Tensor:
        """decode(encode(x)), B×``shape``."""
        return self.autoencoder(x)

    def chart(self) -> AutoencoderChart:
        """The codes as coordinates for a search."""
        return AutoencoderChart(self.autoencoder)

    def _step(self, batch: dict[str, Tensor], stage: str) -> Tensor:
        x = batch["x"]
        loss = self.loss(self(x), x)
        self.log(f"{stage}/loss", loss, prog_bar=stage != "train", batch_size=len(x), sync_dist=stage != "train")
        return loss

    def training_step(self, batch: dict[str, Tensor], batch_idx: int) -> Tensor:
        return self._step(batch, "train")

    def validation_step(self, batch: dict[str, Tensor], batch_idx: int) -> None:
        self._step(batch, "val")

    def test_step(self, batch: dict[str, Tensor], batch_idx: int) -> None:
        self._step(batch, "test")

    def problems_with(self, datamodule: Any) -> list[str]:
        return shape_problem("the autoencoder", self.autoencoder.shape, datamodule)
