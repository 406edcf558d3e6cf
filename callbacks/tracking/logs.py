"""Handing numbers and pictures to whichever loggers a run has."""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import wandb
from pytorch_lightning import Trainer
from pytorch_lightning.loggers import WandbLogger
from pytorch_lightning.utilities.rank_zero import rank_zero_only
from torch import Tensor
from torchvision.utils import save_image


def wandb_runs(trainer: Trainer) -> Iterator[Any]:
    """The W&B runs behind the trainer's loggers; none off rank zero, nor with ``WANDB_MODE=disabled``."""
    if trainer.is_global_zero:
        for logger in trainer.loggers:
            if isinstance(logger, WandbLogger) and not logger.experiment.disabled:
                yield logger.experiment


@contextmanager
def staged(run: Any) -> Iterator[None]:
    """Let W&B keep its copies of what is to be uploaded in the run's own folder, until they are.

    Its default is the user's home, where copies of offline runs stay behind when the run's folder is deleted.
    ``WANDB_DATA_DIR`` from outside counts more.
    """
    if "WANDB_DATA_DIR" in os.environ:
        yield
        return
    os.environ["WANDB_DATA_DIR"] = str(Path(run.dir).parent)
    try:
        yield
    finally:
        del os.environ["WANDB_DATA_DIR"]


@rank_zero_only
def log_scalars(trainer: Trainer, scalars: Mapping[str, float]) -> None:
    """Log under the training step, or in a predict run (which has none) under ``cf/step``."""
    predicting = trainer.predicting
    if predicting:
        for run in wandb_runs(trainer):
            run.define_metric("cf/*", step_metric="cf/step")
        scalars = {**scalars, "cf/step": 0}
    for logger in trainer.loggers:
        logger.log_metrics(dict(scalars), step=None if predicting else trainer.global_step)


@rank_zero_only
def log_plot(trainer: Trainer, name: str, plot: Any) -> None:
    """Log a W&B object (plot, histogram, table) to the W&B runs."""
    for run in wandb_runs(trainer):
        with staged(run):
            run.log({name: plot})


@rank_zero_only
def log_image(trainer: Trainer, name: str, image: Tensor) -> None:
    """Log an image C×H×W in [0, 1] to the W&B runs.

    As bytes: ``wandb.Image`` does not rescale floats, and would show [0, 1] as black.
    """
    pixels = (image.detach().cpu().clamp(0, 1) * 255).round().byte().permute(1, 2, 0).numpy()
    log_plot(trainer, name, wandb.Image(pixels))


def show_epoch(trainer: Trainer, name: str, grid: Tensor) -> None:
    """An image C×H×W in [0, 1] of this epoch: ``name/epoch-003.png`` in the run's folder, and W&B ``val/name``."""
    file = Path(trainer.default_root_dir) / name / f"epoch-{trainer.current_epoch:03d}.png"
    file.parent.mkdir(parents=True, exist_ok=True)
    save_image(grid, file)
    log_image(trainer, f"val/{name}", grid)
