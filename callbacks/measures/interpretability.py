"""How much counterfactuals look like their target class to autoencoders of single classes."""

from typing import Any

import torch
from pytorch_lightning import Callback, Trainer
from torch import Tensor
from torchmetrics import MeanMetric

from callbacks.measures.oracles import SOME, check_outputs
from datamodules.base import Split
from lightning_modules import ClassAutoencodersModule, CounterfactualModule, Explanation, load
from metrics import im1, im2
from networks import ClassAutoencoders
from networks.checks import whole
from networks.errors import InputError


class Interpretability(Callback):
    """Adds the columns ``im1`` and ``im2`` to every result: see ``metrics.im1`` and ``metrics.im2``.

    The source class is what the predictor says of x. Where it is the target as well, IM1 is 1 and says
    nothing. The summary's ``im1_originals`` is the mean IM1 of the originals x themselves, towards the
    targets of the chart's flipped rows: what a search would come to that changed nothing.

    Args:
        autoencoders: checkpoint of a ``ClassAutoencodersModule``, or ``ClassAutoencoders``, trained on the
            explained data set.
        batch_size: samples through the autoencoders at once.

    Raises:
        InputError: a checkpoint that cannot be used; as predict begins, data of another shape, with
            other classes, or without classes, and errors of NaN for every sample.
    """

    def __init__(self, autoencoders: str | ClassAutoencoders, batch_size: int = 512) -> None:
        InputError.collect(whole(1, batch_size=batch_size))
        self.checkpoints = {"autoencoders": autoencoders} if isinstance(autoencoders, str) else {}
        self.module = (
            load(autoencoders, ClassAutoencodersModule)
            if isinstance(autoencoders, str)
            else ClassAutoencodersModule(autoencoders)
        )
        self.autoencoders = self.module.autoencoders.eval().requires_grad_(False)
        self.batch_size = batch_size
        self.originals = MeanMetric()

    def on_predict_start(self, trainer: Trainer, pl_module: CounterfactualModule) -> None:  # type: ignore[override]
        InputError.collect(self.problems_with(trainer.datamodule))  # type: ignore[attr-defined]
        pl_module.checkpoints |= self.checkpoints
        self.autoencoders.to(pl_module.device)
        self.originals = MeanMetric().to(pl_module.device)
        self._try_on(trainer.datamodule.predict_selection())  # type: ignore[attr-defined]
        pl_module.listeners.append(self._add_columns)

    @torch.no_grad()
    def _try_on(self, selection: Split) -> None:
        batch = selection.__getitems__(list(range(min(SOME, len(selection)))))
        device = self.originals.device
        try:
            check_outputs(torch.stack(self.module.to(device)(batch["x"].to(device), batch["y"].to(device)), 1))
        except InputError as error:
            raise InputError(f"Interpretability: the autoencoders: {error}") from error

    def problems_with(self, data: Any) -> list[str]:
        """What keeps the autoencoders from judging results on the data, one sentence each."""
        return [f"Interpretability: {problem}" for problem in self.module.problems_with(data)]

    def _add_columns(self, explanation: Explanation) -> None:
        cf = explanation.counterfactuals
        scores = self.scores(cf.counterfactual, cf.source, cf.target)
        explanation.columns |= {name: values.cpu() for name, values in scores.items()}
        if not explanation.name:
            self.originals.update(self.scores(cf.x[cf.flipped], cf.source[cf.flipped], cf.target[cf.flipped])["im1"])

    @torch.no_grad()
    def scores(self, x_prime: Tensor, source: Tensor, target: Tensor) -> dict[str, Tensor]:
        """``im1`` and ``im2`` of x′ of B×``shape``, from and to the classes of B int64; B each, on the device."""
        parts = zip(*(values.split(self.batch_size) for values in (x_prime, source, target)), strict=True)
        im1s, im2s = zip(*(self._of_batch(*part) for part in parts), strict=True)
        return {"im1": torch.cat(im1s), "im2": torch.cat(im2s)}

    def _of_batch(self, x_prime: Tensor, source: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
        x_prime, source, target = (values.to(self.originals.device) for values in (x_prime, source, target))
        to_target = self.autoencoders(x_prime, target)
        return (
            im1(x_prime, to_target, self.autoencoders(x_prime, source)),
            im2(x_prime, to_target, self.autoencoders.overall(x_prime)),
        )

    def on_predict_epoch_end(self, trainer: Trainer, pl_module: CounterfactualModule) -> None:  # type: ignore[override]
        pl_module.summary["im1_originals"] = float(self.originals.compute())  # on every rank
