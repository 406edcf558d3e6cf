"""FID of samples while a generative model trains."""

from collections.abc import Iterator

import torch
from pytorch_lightning import Callback, Trainer
from torch import Tensor, nn

from callbacks.tracking.logs import log_scalars
from callbacks.training.samples import Generative, check_generative
from datamodules.base import SplitName
from lightning_modules import load_predictor
from metrics import FID as FIDMetric
from networks.checks import whole
from networks.errors import InputError
from networks.features import Features


class FID(Callback):
    """Fréchet distance of as many samples as there are validation images to these, ``val/fid``.

    For counterfactuals see ``Realism``.

    Args:
        extractor: checkpoint of a ``ClassifierModule`` or ``RegressorModule`` (its penultimate features), or any
            network with ``features`` and ``num_features``, such as ``TimmModel``.
        every_n_epochs: how often.
        batch_size: images through the extractor at once.
    """

    def __init__(
        self,
        extractor: str | nn.Module,
        every_n_epochs: int = 5,
        batch_size: int = 256,
    ) -> None:
        InputError.collect(whole(1, every_n_epochs=every_n_epochs, batch_size=batch_size))
        network = load_predictor(extractor) if isinstance(extractor, str) else extractor
        self.extractor = Features(network)
        self.every_n_epochs, self.batch_size = every_n_epochs, batch_size

    def setup(self, trainer: Trainer, pl_module: Generative, stage: str) -> None:  # type: ignore[override]
        check_generative(pl_module, "FID")

    @torch.no_grad()
    def on_validation_epoch_end(self, trainer: Trainer, pl_module: Generative) -> None:  # type: ignore[override]
        if trainer.sanity_checking or (trainer.current_epoch + 1) % self.every_n_epochs:
            return
        shape = trainer.datamodule.shape  # type: ignore[attr-defined]
        metric = FIDMetric(self.extractor, shape).to(pl_module.device)
        # A generator of its own: the ranks share one seed and would otherwise draw the same samples.
        generator = torch.Generator().manual_seed(trainer.global_rank)
        for x, _ in self._share(trainer, "val"):
            metric.update(x.to(pl_module.device), real=True)
            metric.update(pl_module.sample(len(x), generator=generator).clamp(0, 1), real=False)
        log_scalars(trainer, {"val/fid": float(metric.compute())})  # computed on every rank

    def _share(self, trainer: Trainer, split: SplitName) -> Iterator[tuple[Tensor, Tensor]]:
        """This rank's part of a split, so that the ranks' sums hold every image once."""
        images = trainer.datamodule.split(split)  # type: ignore[attr-defined]
        mine = list(range(trainer.global_rank, len(images), trainer.world_size))
        for start in range(0, len(mine), self.batch_size):
            batch = images.__getitems__(mine[start : start + self.batch_size])
            yield batch["x"], batch["y"]
