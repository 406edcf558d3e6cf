"""SLURM's signal, answered between two steps."""

import signal
from typing import Any

from pytorch_lightning import Callback, LightningModule, Trainer


class Requeue(Callback):
    """Saves, and has the job queued again, at the end of the batch in which SLURM's signal comes.

    Lightning saves at once, in the middle of whatever is being done: a step of the optimiser, or a validation with
    averaged weights in place. What goes on from there is not the training that it was. All ranks save after the same
    batch, whichever of them hears the signal first.
    """

    def __init__(self) -> None:
        self.answers: dict[int, Any] = {}
        self.heard: int | None = None

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        for number in (signal.SIGUSR1, signal.SIGUSR2):
            answer = signal.getsignal(number)
            if type(answer).__module__.startswith("pytorch_lightning"):
                self.answers[number] = answer
                signal.signal(number, self._hear)

    def _hear(self, number: int, frame: Any) -> None:
        self.heard = number

    def on_train_batch_end(self, trainer: Trainer, *args: Any) -> None:
        if not self.answers or not trainer.strategy.reduce_boolean_decision(self.heard is not None, all=False):
            return
        number, self.heard = self.heard or next(iter(self.answers)), None
        self.answers[number](number, None)
