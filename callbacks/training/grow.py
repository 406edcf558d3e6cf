"""Progressive growing, by the training's steps."""

from typing import Any

from pytorch_lightning import Callback, LightningModule, Trainer

from networks.checks import whole
from networks.errors import InputError
from networks.gans.progressive import Growth


class Grow(Callback):
    """Every stage of a progressive GAN is trained for so many steps, and as many go into blending in the next.

    How far it has grown is a function of the steps that were taken, so that a run which goes on is where it was.

    Args:
        steps: of a stage.

    Raises:
        InputError: no step; before the first, a task without a network that grows.
    """

    def __init__(self, steps: int = 600) -> None:
        InputError.collect(whole(1, steps=steps))
        self.steps = steps

    def on_fit_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self.growing = [module for module in pl_module.modules() if isinstance(module, Growth)]
        if not self.growing:
            raise InputError(
                f"callbacks.Grow is for networks that grow; {type(pl_module).__name__} has none: leave it out"
            )

    def on_train_batch_start(self, trainer: Trainer, pl_module: LightningModule, batch: Any, batch_idx: int) -> None:
        stage, beyond = divmod(trainer.global_step, 2 * self.steps)
        grown = stage + max(beyond / self.steps - 1, 0)
        for growth in self.growing:
            growth.set(grown)
