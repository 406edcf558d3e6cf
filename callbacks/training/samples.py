"""What a generative model dreams of while it trains."""

from typing import Protocol

import torch
from pytorch_lightning import Callback, Trainer
from torch import Tensor
from torchvision.utils import make_grid

from callbacks.tracking.logs import show_epoch
from networks.checks import not_negative, whole
from networks.errors import InputError


class Generative(Protocol):
    """A training task whose network draws samples."""

    device: torch.device

    def sample(self, n: int, temperature: float = 1.0, generator: torch.Generator | None = None) -> Tensor:
        """n×``shape``; the generator is on the CPU."""
        ...


def check_generative(pl_module: object, who: str) -> None:
    """Raise ``InputError`` before some epochs where a task draws no samples."""
    if not callable(getattr(pl_module, "sample", None)):
        task = type(pl_module).__name__
        raise InputError(f"callbacks.{who} is for generative tasks; {task} draws no samples: leave it out")


class Samples(Callback):
    """A grid of samples, the same latents every time: ``samples/epoch-003.png`` and W&B ``val/samples``.

    Of any ``Generative`` task; those of a conditional flow show its classes in turn.

    Args:
        num_samples: images in the grid.
        every_n_epochs: how often.
        temperature: standard deviation of the latents.
    """

    def __init__(self, num_samples: int = 64, every_n_epochs: int = 5, temperature: float = 1.0) -> None:
        InputError.collect(
            whole(1, num_samples=num_samples, every_n_epochs=every_n_epochs) + not_negative(temperature=temperature)
        )
        self.num_samples, self.every_n_epochs, self.temperature = num_samples, every_n_epochs, temperature

    def setup(self, trainer: Trainer, pl_module: Generative, stage: str) -> None:  # type: ignore[override]
        check_generative(pl_module, "Samples")

    @torch.no_grad()
    def on_validation_epoch_end(self, trainer: Trainer, pl_module: Generative) -> None:  # type: ignore[override]
        due = not trainer.sanity_checking and (trainer.current_epoch + 1) % self.every_n_epochs == 0
        if not (due and trainer.is_global_zero):
            return
        generator = torch.Generator().manual_seed(0)
        samples = pl_module.sample(self.num_samples, self.temperature, generator).clamp(0, 1)
        grid = make_grid(samples, nrow=round(self.num_samples**0.5), padding=1, pad_value=0.5)
        show_epoch(trainer, "samples", grid)
