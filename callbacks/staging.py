"""Where callbacks leave their files during an explain run."""

from pathlib import Path

from pytorch_lightning import Trainer


def results_folder(trainer: Trainer) -> Path:
    """Where callbacks leave their files: the staging folder of the run's writer, or the run's own where it has none."""
    staging = (getattr(callback, "staging", None) for callback in trainer.callbacks)  # type: ignore[attr-defined]
    return next((folder for folder in staging if folder is not None), Path(trainer.default_root_dir))
