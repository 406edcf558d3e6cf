"""More images than there are."""

from collections.abc import Sequence

import torch
from pytorch_lightning import Callback, Trainer
from torch import Tensor

from datamodules.images.augmentations import Augmentation
from lightning_modules.task import Task
from networks.errors import InputError


class Augment(Callback):
    """Changes every training batch at random, in ways that leave the images what they are; validation is as it was.

    For any task on images. Where objects are counted their map is changed along. What is drawn is a function of
    (seed, epoch, batch, rank), as all randomness in training.

    Args:
        transforms: one after the other, e.g. ``datamodules.Mirror``.

    Raises:
        InputError: data that are no images, or counted objects that a transform may push out of the image.
    """

    def __init__(self, transforms: Sequence[Augmentation]) -> None:
        if not transforms:
            raise InputError("Augment needs at least one of transforms, e.g. datamodules.Mirror")
        self.transforms = list(transforms)

    def on_fit_start(self, trainer: Trainer, pl_module: Task) -> None:  # type: ignore[override]
        data = trainer.datamodule  # type: ignore[attr-defined]  # attached at run time
        if len(data.shape) != 3:
            raise InputError(f"Augment is for images; samples of {type(data).__name__} have the shape {data.shape}")
        if data.has_map and (moved := [type(t).__name__ for t in self.transforms if not t.keeps_all]):
            raise InputError(
                f"{', '.join(moved)} can push what {type(data).__name__} counts out of an image: leave it out"
            )

    def on_train_batch_start(  # type: ignore[override]
        self, trainer: Trainer, pl_module: Task, batch: dict[str, Tensor], batch_idx: int
    ) -> None:
        generator = torch.Generator(batch["x"].device).manual_seed(pl_module.batch_seed(batch_idx) + 1)
        if "map" not in batch:
            batch["x"] = self._changed(batch["x"], generator)
            return
        channels = batch["x"].shape[1]
        both = self._changed(torch.cat([batch["x"], batch["map"]], 1), generator)
        batch["x"], batch["map"] = both[:, :channels], both[:, channels:]

    def _changed(self, x: Tensor, generator: torch.Generator) -> Tensor:
        for transform in self.transforms:
            x = transform(x, generator)
        return x
