"""What an earlier training has left in the folder of a new one."""

from pathlib import Path

from pytorch_lightning import Callback, LightningModule, Trainer
from pytorch_lightning.callbacks import ModelCheckpoint

from results.files import sweep


class EarlierTraining(Callback):
    """Moves an earlier training's checkpoints, config.yaml and csv/ to ``earlier-1``, ``earlier-2``, … in the folder.

    When the first step of a new one is due, and not before: whatever is refused leaves the folder as it was. In place
    they would be taken for the new one's where that is stopped before its first validation. A training that goes on
    from a checkpoint in the folder keeps them where they are.
    """

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if not trainer.is_global_zero or getattr(trainer, "fast_dev_run", False):
            return
        folder, checkpoint = Path(trainer.default_root_dir), trainer.checkpoint_callback
        sweep(folder)
        if trainer.ckpt_path is not None and Path(trainer.ckpt_path).resolve().parent == folder.resolve():
            return
        best = checkpoint.filename if isinstance(checkpoint, ModelCheckpoint) else None
        if (to := move_aside(folder, [f"{best or 'best'}.ckpt", "last.ckpt"])) is not None:
            print(f"The checkpoints of an earlier training in {folder} are in {to} now")


def move_aside(folder: Path, names: list[str]) -> Path | None:
    """Move those files, SLURM's checkpoints, config.yaml and csv/ into a new folder, and return it.

    ``None``, and nothing is moved, where there is no checkpoint.
    """
    found = [file for name in names if (file := folder / name).is_symlink() or file.is_file()]
    found += sorted(folder.glob("hpc_ckpt_*.ckpt"))
    if not found:
        return None
    n = 1
    while (to := folder / f"earlier-{n}").exists():
        n += 1
    to.mkdir()
    for file in [*found, folder / "config.yaml", folder / "csv"]:
        if file.is_symlink() or file.exists():
            file.rename(to / file.name)
    return to
