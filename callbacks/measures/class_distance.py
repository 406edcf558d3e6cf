"""Is a counterfactual nearer to its own source than to anybody else of the class?"""

import torch
from pytorch_lightning import Callback, Trainer
from torch import Tensor

from counterfactuals.freeze import frozen
from datamodules import DataModule
from lightning_modules import CounterfactualModule, Explanation
from networks.checks import whole
from networks.errors import InputError


class ClassDistance(Callback):
    """Columns ``l2_x_class`` and ``l2_z_class``: mean ‖x′ − o‖ and ‖f(x′) − f(o)‖ over originals o of its label.

    Fig. 14 of Dombrowski et al., beside ``l2_x`` and ``l2_z`` to the own source: a counterfactual that is as far
    from its source as from anybody is another sample and no explanation.

    Args:
        most: originals of a class to compare with, at most, drawn by seed from those to be explained.
    """

    def __init__(self, most: int = 100) -> None:
        InputError.collect(whole(1, most=most))
        self.most = most
        self.originals: dict[int, tuple[Tensor, Tensor]] = {}

    @torch.no_grad()
    def on_predict_start(self, trainer: Trainer, pl_module: CounterfactualModule) -> None:  # type: ignore[override]
        data: DataModule = trainer.datamodule  # type: ignore[attr-defined]
        if data.task == "classification":
            selection, chart = data.predict_selection(), pl_module.chart
            with frozen(chart):
                for label in selection.y.unique().tolist():
                    rows = (selection.y == label).nonzero()[:, 0]
                    drawn = rows[torch.randperm(len(rows), generator=torch.Generator().manual_seed(0))[: self.most]]
                    x = selection.__getitems__(drawn.tolist())["x"]
                    z = chart.free(chart.encode(x.to(pl_module.device))).cpu()
                    known = z.isfinite().all(1)
                    self.originals[label] = x.flatten(1), z[known]
            pl_module.listeners.append(lambda explanation: self._update(explanation, pl_module))

    @torch.no_grad()
    def _update(self, explanation: Explanation, pl_module: CounterfactualModule) -> None:
        cf, chart = explanation.counterfactuals, pl_module.chart
        with frozen(chart):
            z = chart.free(chart.encode(cf.counterfactual.to(pl_module.device))).cpu()
        explanation.columns["l2_x_class"] = self._mean(cf.counterfactual.flatten(1), explanation.y, 0)
        explanation.columns["l2_z_class"] = self._mean(z, explanation.y, 1)

    def _mean(self, points: Tensor, labels: Tensor, space: int) -> Tensor:
        distances = torch.empty(len(points))
        for label in labels.unique().tolist():
            rows = labels == label
            distances[rows] = torch.cdist(points[rows], self.originals[label][space]).mean(1)
        return distances
