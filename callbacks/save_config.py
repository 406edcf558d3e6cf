"""The resolved configuration, beside the results that it led to."""

from pathlib import Path

from pytorch_lightning import LightningModule, Trainer
from pytorch_lightning.cli import SaveConfigCallback


class SaveConfig(SaveConfigCallback):
    """Writes ``config.yaml`` into ``trainer.default_root_dir``; validate and test leave that of the training alone.

    Lightning's own writes into the logger's folder, which W&B's logger shares between runs, and
    stops the second run there.
    """

    def save_config(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        if stage in ("validate", "test"):
            return
        folder = Path(trainer.default_root_dir)
        folder.mkdir(parents=True, exist_ok=True)
        self.parser.save(self.config, folder / "config.yaml", overwrite=True, multifile=False)
