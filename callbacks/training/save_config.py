"""The resolved configuration, beside the results that it led to."""

from pytorch_lightning import LightningModule, Trainer
from pytorch_lightning.cli import SaveConfigCallback

from callbacks.staging import results_folder
from networks.errors import printable
from networks.files import write_atomically


class SaveConfig(SaveConfigCallback):
    """Writes ``config.yaml`` beside the results; validate and test leave that of the training alone.

    An explain run's appears with its results: a command that is refused leaves those before as they are.

    In fit when the first step is due: one that is refused leaves the config of an earlier training as it was. What the
    training went on from is a comment: fed back, the config trains the same from the start.

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
        folder = results_folder(trainer)
        folder.mkdir(parents=True, exist_ok=True)
        config, comment = self.config.clone(), ""
        if resumed := config.get("ckpt_path"):
            config["ckpt_path"], comment = None, f"# went on from {printable(str(resumed))}\n"
        text = comment + self.parser.dump(config, skip_none=False)
        write_atomically(folder / "config.yaml", lambda file: file.write_text(text, encoding="utf-8"))
