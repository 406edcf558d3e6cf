"""The resolved configuration, beside the results that it led to."""

from pathlib import Path

from pytorch_lightning import LightningModule, Trainer
from pytorch_lightning.cli import SaveConfigCallback

from callbacks.files import write_whole


class SaveConfig(SaveConfigCallback):
    """Writes ``config.yaml`` into ``trainer.default_root_dir``; validate and test leave that of the training alone.

    In fit when the first step is due: one that is refused leaves the config of an earlier training as it was.

    Lightning's own writes into the logger's folder, which W&B's logger shares between runs, and
    stops the second run there.
    """

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        if stage != "fit":
            super().setup(trainer, pl_module, stage)

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if trainer.is_global_zero:
            self.save_config(trainer, pl_module, "fit")

    def save_config(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        if stage in ("validate", "test"):
            return
        folder = Path(trainer.default_root_dir)
        folder.mkdir(parents=True, exist_ok=True)
        text = self.parser.dump(self.config)
        write_whole(folder / "config.yaml", lambda file: file.write_text(text, encoding="utf-8"))
