"""What a generator makes of being told to change one attribute, while it trains."""

import torch
from pytorch_lightning import Callback, Trainer
from torchvision.utils import make_grid

from callbacks.tracking.logs import show_epoch
from counterfactuals.freeze import frozen
from lightning_modules import AttGANModule
from networks.checks import whole
from networks.errors import InputError
from networks.gans.attgan import AttributeGenerator


class Edits(Callback):
    """A grid ``edits/epoch-003.png`` and W&B ``val/edits``: an image a row, an attribute a column.

    First the image and what comes back with its own attributes; then every attribute changed alone: a binary one to
    what it was not, a measured one by two standard deviations, upwards unless that leaves its bounds. Of the same
    validation images every time.

    Args:
        num_samples: rows.
        every_n_epochs: how often.

    Raises:
        InputError: a number out of its range; on use, a task that edits nothing.
    """

    def __init__(self, num_samples: int = 8, every_n_epochs: int = 1) -> None:
        InputError.collect(whole(1, num_samples=num_samples, every_n_epochs=every_n_epochs))
        self.num_samples, self.every_n_epochs = num_samples, every_n_epochs

    def setup(self, trainer: Trainer, pl_module: AttGANModule, stage: str) -> None:  # type: ignore[override]
        if not isinstance(pl_module, AttGANModule):
            raise InputError(
                f"callbacks.Edits is for AttGANModule; {type(pl_module).__name__} edits nothing: leave it out"
            )

    @torch.no_grad()
    def on_validation_epoch_end(self, trainer: Trainer, pl_module: AttGANModule) -> None:  # type: ignore[override]
        due = not trainer.sanity_checking and (trainer.current_epoch + 1) % self.every_n_epochs == 0
        if not (due and trainer.is_global_zero):
            return
        images = trainer.datamodule.split("val")  # type: ignore[attr-defined]
        chosen = torch.randperm(len(images), generator=torch.Generator().manual_seed(0))[: self.num_samples]
        batch = images.__getitems__(chosen.tolist())
        x, a = (batch[key].to(pl_module.device) for key in ("x", "attributes"))
        with frozen(pl_module.generator):
            grid = edits(pl_module.generator, x, a)
        show_epoch(trainer, "edits", make_grid(grid.flatten(0, 1), nrow=grid.shape[1], padding=1, pad_value=0.5))


def edits(generator: AttributeGenerator, x: torch.Tensor, a: torch.Tensor) -> torch.Tensor:
    """x, its reconstruction, and every attribute changed alone; n×(2 + A)×``shape`` of n×``shape`` and n×A."""
    units, n, known = generator.units, *a.shape
    changed = torch.where(units.binary, 1 - a, a + 2 * units.scale)
    changed = torch.where(changed > units.high, a - 2 * units.scale, changed)
    b = a[:, None].expand(n, known + 1, known).clone()
    each = torch.arange(known)
    b[:, each + 1, each] = changed
    latent = generator.encode(x)[:, None].expand(-1, known + 1, -1)
    made = generator.decode(latent.flatten(0, 1), b.flatten(0, 1)).view(n, known + 1, *x.shape[1:])
    return torch.cat([x[:, None], made.float()], 1).clamp(0, 1)
