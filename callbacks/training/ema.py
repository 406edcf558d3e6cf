"""Evaluate with an exponential moving average of the weights."""

from typing import Any

import torch
from pytorch_lightning import LightningModule, Trainer
from pytorch_lightning.callbacks import WeightAveraging
from torch import Tensor

from networks.checks import below_one
from networks.errors import InputError
from networks.flows.linear.cache import forget


class EMA(WeightAveraging):
    """Lightning's weight averaging, fit for flows: the averaged weights are validated, saved and tested.

    Step n averages with min(``decay``, (1 + n) / (10 + n)), so that the start is soon forgotten.
    Three things differ from Lightning's own. Buffers are copied, not averaged: the average of a
    permutation is none. The averaged weights stay in place until all callbacks have looked at the
    validated model, so that samples, spectrum and FID are those of the weights in the checkpoint.
    And what layers have cached of the weights is dropped at every exchange.

    Args:
        decay: weight of the past in each step's average, in [0, 1).
    """

    def __init__(self, decay: float = 0.999) -> None:
        InputError.collect(below_one(decay=decay))
        self.decay = decay
        super().__init__(use_buffers=False, multi_avg_fn=self._average)

    def _average(self, averages: list[Tensor], current: list[Tensor], steps: Tensor) -> None:
        """All parameters at once: ``steps`` lies on the device, and reading it for each of them waits as often."""
        n = float(steps)
        decay = min(self.decay, (1 + n) / (10 + n))
        torch._foreach_lerp_(averages, current, 1 - decay)

    def on_validation_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        pass  # not yet: the callbacks after this one look at the model

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        super().on_validation_epoch_end(trainer, pl_module)

    def on_load_checkpoint(self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]) -> None:
        if self._average_model is not None:  # outside fit the checkpoint's weights are the averaged ones already
            super().on_load_checkpoint(trainer, pl_module, checkpoint)

    def _swap_models(self, pl_module: LightningModule) -> None:
        super()._swap_models(pl_module)
        forget(pl_module)

    def _copy_average_to_current(self, pl_module: LightningModule) -> None:
        super()._copy_average_to_current(pl_module)
        forget(pl_module)
