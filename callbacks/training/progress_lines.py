"""How far a training is, where a log is written."""

from typing import Any

from pytorch_lightning import LightningModule, Trainer
from pytorch_lightning.callbacks import ProgressBar

from counterfactuals.progress import Progress


class ProgressLines(ProgressBar):
    """A line every tenth of the way and at least one a minute, instead of hundreds of redrawn bars, or of silence."""

    def __init__(self) -> None:
        super().__init__()
        self.shown = True
        self.progress: Progress | None = None

    def disable(self) -> None:  # Lightning calls it on the other ranks
        self.shown = False

    def enable(self) -> None:
        self.shown = True

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        each, epochs = trainer.num_training_batches, trainer.max_epochs
        totals = [epochs * each] if epochs is not None and epochs >= 0 else []
        totals += [trainer.max_steps * trainer.accumulate_grad_batches] if trainer.max_steps >= 0 else []
        done = trainer.fit_loop.epoch_loop.total_batch_idx + 1
        total = min(totals, default=float("inf"))
        self.progress = Progress("training", int(total) if total < float("inf") else None, self.shown, done=done)

    def on_train_batch_end(self, trainer: Trainer, *args: Any) -> None:
        if self.progress is not None:
            self.progress.advance(1, self._note(trainer))

    def _note(self, trainer: Trainer) -> str:
        measured = {k: float(v) for k, v in trainer.progress_bar_metrics.items() if isinstance(v, (int, float))}
        numbers = [f"{k} {v:.4g}" for k, v in measured.items()]
        best = [
            f"best {c.monitor} {c.best_score:.4g}" for c in trainer.early_stopping_callbacks if measured.get(c.monitor)
        ]
        return ", ".join([f"epoch {trainer.current_epoch + 1}", *numbers, *best])

    def teardown(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        if self.progress is not None:
            self.progress.close()
