"""FID of samples while a flow trains, and of counterfactuals when they are made."""

from collections.abc import Iterator

import torch
from pytorch_lightning import Callback, LightningModule, Trainer
from torch import Tensor, nn

from callbacks.logs import log_scalars
from callbacks.naming import scalar
from datamodules import DataModule
from datamodules.base import SplitName
from lightning_modules import ClassifierModule, CounterfactualModule, Explanation, FlowModule, load
from metrics import FID as FIDMetric
from networks.features import Features


class FID(Callback):
    """Fréchet distance in the features of an injected extractor.

    In predict: the flipped counterfactuals (and the control's) against the real images of those
    classes that were searched for. In fit of a flow: as many samples as there are validation
    images, against these.

    Args:
        extractor: checkpoint of a ``ClassifierModule`` (its penultimate features), or any network
            with ``features`` and ``num_features``, such as ``TimmModel``. It should be neither the
            explained predictor, whose features the control attacks, nor an oracle.
        reference: split of the real images in predict.
        every_n_epochs: how often in fit.
        batch_size: images through the extractor at once.
    """

    def __init__(
        self,
        extractor: str | nn.Module,
        reference: SplitName = "train",
        every_n_epochs: int = 5,
        batch_size: int = 256,
    ) -> None:
        network = load(extractor, ClassifierModule).network if isinstance(extractor, str) else extractor
        self.checkpoints = {"features": extractor} if isinstance(extractor, str) else {}
        self.extractor = Features(network)
        self.reference, self.every_n_epochs, self.batch_size = reference, every_n_epochs, batch_size
        self.metrics: dict[str, FIDMetric] = {}
        self.targets = torch.zeros(0)

    def _new_metric(self, module: LightningModule, shape: tuple[int, ...]) -> FIDMetric:
        return FIDMetric(self.extractor, shape).to(module.device)

    # --- predict

    def on_predict_start(self, trainer: Trainer, pl_module: CounterfactualModule) -> None:  # type: ignore[override]
        data: DataModule = trainer.datamodule  # type: ignore[attr-defined]  # Lightning attaches it at run time
        pl_module.checkpoints |= self.checkpoints
        self.targets = torch.zeros(data.num_classes, device=pl_module.device)
        self.metrics = {name: self._new_metric(pl_module, data.shape) for name in pl_module.searches}
        pl_module.listeners.append(self._update)

    @torch.no_grad()
    def _update(self, explanation: Explanation) -> None:
        cf, device = explanation.counterfactuals, self.targets.device
        if cf.flipped.any():
            self.metrics[explanation.name].update(cf.counterfactual[cf.flipped].to(device), real=False)
        self.targets[cf.target.to(device)] = 1

    @torch.no_grad()
    def on_predict_epoch_end(self, trainer: Trainer, pl_module: CounterfactualModule) -> None:  # type: ignore[override]
        targets = trainer.strategy.reduce(self.targets, reduce_op="sum") > 0
        first, *others = self.metrics.values()
        for x, y in self._share(trainer, self.reference):
            wanted = targets[y.to(pl_module.device)].cpu()
            if wanted.any():
                first.update(x[wanted].to(pl_module.device), real=True)
        for metric in others:  # the reference's features are computed once
            metric.share_real(first)
        values = {scalar(result, "fid"): float(m.compute()) for result, m in self.metrics.items()}  # on every rank
        pl_module.summary.update(values)
        log_scalars(trainer, {f"cf/{name}": v for name, v in values.items()})

    def _share(self, trainer: Trainer, split: SplitName) -> Iterator[tuple[Tensor, Tensor]]:
        """This rank's part of a split, so that the ranks' sums hold every image once."""
        images = trainer.datamodule.split(split)  # type: ignore[attr-defined]
        mine = list(range(trainer.global_rank, len(images), trainer.world_size))
        for start in range(0, len(mine), self.batch_size):
            batch = images.__getitems__(mine[start : start + self.batch_size])
            yield batch["x"], batch["y"]

    # --- fit

    @torch.no_grad()
    def on_validation_epoch_end(self, trainer: Trainer, pl_module: FlowModule) -> None:  # type: ignore[override]
        if trainer.sanity_checking or (trainer.current_epoch + 1) % self.every_n_epochs:
            return
        metric = self._new_metric(pl_module, pl_module.flow.shape)
        # A generator of its own: the ranks share one seed and would otherwise draw the same samples.
        generator = torch.Generator().manual_seed(trainer.global_rank)
        for x, _ in self._share(trainer, "val"):
            metric.update(x.to(pl_module.device), real=True)
            metric.update(pl_module.sample(len(x), generator=generator).clamp(0, 1), real=False)
        log_scalars(trainer, {"val/fid": float(metric.compute())})  # computed on every rank
