"""A training that has come to nothing ends, and says what to change."""

from pytorch_lightning import Callback, LightningModule, Trainer
from pytorch_lightning.callbacks import ModelCheckpoint

from networks.errors import InputError


class Divergence(Callback):
    """Ends a training whose monitored value, or a weight, is not finite any more.

    Before a checkpoint is written: best.ckpt and last.ckpt stay those of the epochs before.

    Raises:
        InputError: says in which epoch, and what to change.
    """

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        monitor = getattr(trainer.checkpoint_callback, "monitor", None)
        value = None if trainer.sanity_checking else trainer.callback_metrics.get(str(monitor))
        if value is not None and not value.isfinite():
            raise InputError(diverged(trainer, f"{monitor} is {value:.4g}"))

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Where nothing is validated, or seldom."""
        for name, weights in pl_module.named_parameters():
            if not weights.isfinite().all():
                raise InputError(diverged(trainer, f"the weights {name} are not finite"))


def diverged(trainer: Trainer, what: str) -> str:
    """The sentence."""
    checkpoint = trainer.checkpoint_callback
    kept = ""
    if isinstance(checkpoint, ModelCheckpoint) and checkpoint.best_model_path:
        kept = f". {checkpoint.best_model_path} is of an epoch before"
    return (
        f"the training has diverged: {what} in epoch {trainer.current_epoch}. Train again with a lower learning rate "
        f"(--model.optimizer.init_args.lr) or smaller steps (--trainer.gradient_clip_val 1){kept}"
    )
