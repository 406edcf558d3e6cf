"""What comes back through a chart while it trains."""

import torch
from pytorch_lightning import Callback, LightningModule, Trainer
from torchvision.utils import make_grid

from callbacks.tracking.logs import show_epoch
from counterfactuals.freeze import frozen
from lightning_modules import chart_of
from networks.checks import whole
from networks.errors import InputError


class Reconstructions(Callback):
    """A grid of x above decode(encode(x)): ``reconstructions/epoch-003.png`` and W&B ``val/reconstructions``.

    Of the same validation images every time. In fit of any task with a ``chart()``.

    Args:
        num_samples: images in a row of the grid.
        every_n_epochs: how often.
    """

    def __init__(self, num_samples: int = 8, every_n_epochs: int = 1) -> None:
        InputError.collect(whole(1, num_samples=num_samples, every_n_epochs=every_n_epochs))
        self.num_samples, self.every_n_epochs = num_samples, every_n_epochs

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        chart_of(pl_module)  # a task without one says so now, not after some epochs

    @torch.no_grad()
    def on_validation_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        due = not trainer.sanity_checking and (trainer.current_epoch + 1) % self.every_n_epochs == 0
        if not (due and trainer.is_global_zero):
            return
        images = trainer.datamodule.split("val")  # type: ignore[attr-defined]
        chosen = torch.randperm(len(images), generator=torch.Generator().manual_seed(0))[: self.num_samples]
        x, chart = images.__getitems__(chosen.tolist())["x"].to(pl_module.device), chart_of(pl_module)
        with frozen(chart):
            back = chart.decode(chart.encode(x)).clamp(0, 1)
        grid = make_grid(torch.cat([x, back]).float(), nrow=len(x), padding=1, pad_value=0.5)
        show_epoch(trainer, "reconstructions", grid)
