"""How much of the step from x to x′ lies in the directions that the data manifold has at x."""

import torch
from pytorch_lightning import Callback, Trainer
from torch import Tensor

from counterfactuals import Chart
from counterfactuals.freeze import frozen
from datamodules import DataModule
from lightning_modules import CounterfactualModule, Explanation
from metrics import leading_spectrum, spectrum
from networks.checks import whole
from networks.errors import InputError


class TangentShare(Callback):
    """A column ``tangent_share``: ‖UᵀΔ‖² / ‖Δ‖², Δ = x′ − x and U the k leading left singular vectors of ∂g/∂z at x.

    These span the tangent space of the data manifold (Dombrowski et al., III and IV.A): near 1 along
    it, and k / P for a random direction among P. A Jacobian's leading part costs hundreds of decodes:
    only the first originals are looked at, the column of the others is empty.

    Args:
        num_samples: originals, the first ones to be explained.
        k: singular vectors.
        max_exact: largest dimension for which the whole Jacobian is computed.
    """

    def __init__(self, num_samples: int = 8, k: int = 16, max_exact: int = 256) -> None:
        InputError.collect(whole(1, num_samples=num_samples, k=k) + whole(0, max_exact=max_exact))
        self.num_samples, self.k, self.max_exact = num_samples, k, max_exact
        self.tangents: dict[int, Tensor] = {}

    @torch.no_grad()
    def on_predict_start(self, trainer: Trainer, pl_module: CounterfactualModule) -> None:  # type: ignore[override]
        data: DataModule = trainer.datamodule  # type: ignore[attr-defined]
        selection = data.predict_selection()
        batch = selection.__getitems__(list(range(min(self.num_samples, len(selection)))))
        with frozen(pl_module.chart):
            u = self._tangents(pl_module.chart, batch["x"].to(pl_module.device)).cpu()
        self.tangents = dict(zip(batch["index"].tolist(), u, strict=True))
        pl_module.listeners.append(self._update)

    def _tangents(self, chart: Chart, x: Tensor) -> Tensor:
        """n×P×k."""
        z = chart.encode(x)
        if chart.dim <= self.max_exact:
            return spectrum(chart.decode, z).u[..., : self.k]
        return leading_spectrum(chart.decode, z, self.k, passes=2, seeds=range(len(z))).u

    def _update(self, explanation: Explanation) -> None:
        cf = explanation.counterfactuals
        step = (cf.counterfactual - cf.x).flatten(1)
        share = torch.full((len(step),), torch.nan)
        for row, index in enumerate(explanation.index.tolist()):
            if index in self.tangents and step[row].any():
                share[row] = (step[row] @ self.tangents[index]).square().sum() / step[row].square().sum()
        explanation.columns["tangent_share"] = share
