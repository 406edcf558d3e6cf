"""The model that a training came to, in W&B."""

from pathlib import Path

from pytorch_lightning import Callback, LightningModule, Trainer
from pytorch_lightning.callbacks import ModelCheckpoint

from callbacks.tracking.artifacts import log_output, model_artifact
from callbacks.tracking.logs import wandb_runs


class ModelArtifact(Callback):
    """Logs the best checkpoint by reference, under the name by which explain runs refer to what they used.

    Unlike ``--wandb.log_model`` it works offline, and copies nothing.
    """

    def on_fit_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        checkpoint = trainer.checkpoint_callback
        if not (isinstance(checkpoint, ModelCheckpoint) and checkpoint.best_model_path):
            return
        for run in wandb_runs(trainer):
            score = {str(checkpoint.monitor): float(checkpoint.best_model_score)} if checkpoint.best_model_score else {}
            log_output(run, model_artifact(Path(checkpoint.best_model_path), **score), aliases=["best"])
