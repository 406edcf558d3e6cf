"""Evaluate with an exponential moving average of the weights."""

from typing import Any

from pytorch_lightning import LightningModule, Trainer
from pytorch_lightning.callbacks import EMAWeightAveraging

from networks.flows.cache import forget


class EMA(EMAWeightAveraging):
    """Lightning's moving average of the weights, fit for flows: validated, saved and tested in their place.

    Three things differ. Buffers are copied, not averaged: the average of a permutation is none.
    The averaged weights stay in place until all callbacks have looked at the validated model, so
    that samples, spectrum and FID are those of the weights in the checkpoint. And what layers
    have cached of the weights is dropped at every exchange.

    Args:
        decay: weight of the past in each step's average.
        update_starting_at_step: first optimiser step (0 …) that is averaged; until then the average
            is the model as it was built. The first average taken is a copy.
    """

    def __init__(self, decay: float = 0.999, update_starting_at_step: int | None = None) -> None:
        super().__init__(use_buffers=False, decay=decay, update_starting_at_step=update_starting_at_step)

    def on_validation_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        pass  # not yet: the callbacks after this one look at the model

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        super().on_validation_epoch_end(trainer, pl_module)

    def on_load_checkpoint(self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]) -> None:
        if self._average_model is not None:  # outside fit the checkpoint's weights are the averaged ones: nothing to do
            super().on_load_checkpoint(trainer, pl_module, checkpoint)

    def _swap_models(self, pl_module: LightningModule) -> None:
        super()._swap_models(pl_module)
        forget(pl_module)

    def _copy_average_to_current(self, pl_module: LightningModule) -> None:
        super()._copy_average_to_current(pl_module)
        forget(pl_module)
