"""What to type after a training was stopped."""

from pathlib import Path

from pytorch_lightning import Callback, LightningModule, Trainer
from pytorch_lightning.callbacks import ModelCheckpoint
from pytorch_lightning.utilities.exceptions import SIGTERMException

#: after these the same command comes further: Ctrl-C, SIGTERM, a full disk
FROM_OUTSIDE = (KeyboardInterrupt, SIGTERMException, OSError)


class ResumeHint(Callback):
    """Says how to continue a training that was stopped from outside."""

    def on_exception(self, trainer: Trainer, pl_module: LightningModule, exception: BaseException) -> None:
        if not (trainer.is_global_zero and isinstance(exception, FROM_OUTSIDE)):
            return
        checkpoint = trainer.checkpoint_callback
        paths: list[str] = []
        if isinstance(checkpoint, ModelCheckpoint):
            paths = [checkpoint.last_model_path, checkpoint.best_model_path]
        saved = next((path for path in paths if path and Path(path).is_file()), None)  # names come before files
        if saved is None:
            print("\nStopped before the first checkpoint: nothing was saved. The same command begins again")
        else:
            print(f"\nStopped: the same command with --ckpt_path {saved} continues")
