"""What to type after Ctrl-C."""

from pytorch_lightning import Callback, LightningModule, Trainer
from pytorch_lightning.callbacks import ModelCheckpoint


class ResumeHint(Callback):
    """Says how to continue a training that was interrupted."""

    def on_exception(self, trainer: Trainer, pl_module: LightningModule, exception: BaseException) -> None:
        if not (trainer.is_global_zero and isinstance(exception, KeyboardInterrupt)):
            return
        checkpoint = trainer.checkpoint_callback
        if isinstance(checkpoint, ModelCheckpoint) and checkpoint.last_model_path:
            print(f"\nStopped: the same command with --ckpt_path {checkpoint.last_model_path} continues")
        else:
            print("\nStopped before the first checkpoint: nothing was saved")
