"""How much of the step from x to x′ lies in the directions that the data manifold has at x."""

from typing import Any

import torch
from pytorch_lightning import Callback, Trainer
from torch import Tensor

from callbacks.progress import tracking
from counterfactuals import Chart
from counterfactuals.freeze import frozen
from datamodules import DataModule
from lightning_modules import CounterfactualModule, Explanation
from metrics import leading_spectrum, share_interval, spectrum
from networks.checks import whole
from networks.errors import InputError

AT_ONCE = 8  # originals: each takes some two dozen rows of the chart in a pass


class TangentShare(Callback):
    """A column ``tangent_share``: ‖UᵀΔ‖² / ‖Δ‖², Δ = x′ − x and U the k leading left singular vectors of ∂g/∂z at x.

    These span the tangent space of the data manifold (Dombrowski et al., III and IV.A). The scale does not begin at 0,
    nor does the way to another real image come to 1: the summary's ``tangent_share_random``, k / P, is what a random
    direction among P has, and ``tangent_share_real`` the mean of the steps from the same originals to training images,
    drawn by seed. A Jacobian's leading part costs hundreds of decodes (for a Glow of MNIST two seconds an original on
    one core, for a continuous flow a minute): only the first originals are looked at, the column of the others is
    empty, and ``rows`` counts the ones that are there.

    Args:
        num_samples: originals, the first ones to be explained.
        k: singular vectors.
        max_exact: largest dimension for which the whole Jacobian is computed.
    """

    def __init__(self, num_samples: int = 64, k: int = 16, max_exact: int = 256) -> None:
        InputError.collect(whole(1, num_samples=num_samples, k=k) + whole(0, max_exact=max_exact))
        self.num_samples, self.k, self.max_exact = num_samples, k, max_exact
        self.tangents: dict[int, Tensor] = {}

    @torch.no_grad()
    def on_predict_start(self, trainer: Trainer, pl_module: CounterfactualModule) -> None:  # type: ignore[override]
        data: DataModule = trainer.datamodule  # type: ignore[attr-defined]
        selection = data.predict_selection()
        batch = selection.__getitems__(list(range(min(self.num_samples, len(selection)))))
        with frozen(pl_module.chart):
            parts = tracking(trainer, "tangent spaces")(batch["x"].to(pl_module.device).split(AT_ONCE))
            u = torch.cat([self._tangents(pl_module.chart, x).cpu() for x in parts])
        self.tangents = dict(zip(batch["index"].tolist(), u, strict=True))
        self._put_in_scale(data, batch["x"], u, pl_module.summary)
        pl_module.listeners.append(self._update)

    def _put_in_scale(self, data: DataModule, x: Tensor, u: Tensor, summary: dict[str, Any]) -> None:
        """What a random direction has, and the way to another real image."""
        train = data.split("train")
        drawn = torch.randperm(len(train), generator=torch.Generator().manual_seed(0))[: len(x)].tolist()
        real = share_within(u[: len(drawn)], train.__getitems__(drawn)["x"] - x[: len(drawn)])
        known = real[~real.isnan()]
        summary["tangent_share_random"] = u.shape[2] / u.shape[1]
        summary["tangent_share_real"] = float(known.mean())
        summary.setdefault("intervals", {})["tangent_share_real"] = list(share_interval(known.numpy()))
        summary.setdefault("rows", {})["tangent_share_real"] = len(known)

    def _tangents(self, chart: Chart, x: Tensor) -> Tensor:
        """n×P×k."""
        z = chart.encode(x)
        if chart.dim <= self.max_exact:
            return spectrum(chart.decode, z).u[..., : self.k]
        return leading_spectrum(chart.decode, z, self.k, passes=2, seeds=range(len(z))).u

    def _update(self, explanation: Explanation) -> None:
        cf = explanation.counterfactuals
        share = torch.full((len(cf),), torch.nan)
        rows = [row for row, index in enumerate(explanation.index.tolist()) if index in self.tangents]
        if rows:
            u = torch.stack([self.tangents[int(explanation.index[row])] for row in rows])
            share[rows] = share_within(u, cf.counterfactual[rows] - cf.x[rows])
        explanation.columns["tangent_share"] = share


def share_within(u: Tensor, step: Tensor) -> Tensor:
    """‖uᵀΔ‖² / ‖Δ‖² of orthonormal columns u, n×P×k, and steps Δ, n×``shape``; n in [0, 1], NaN where Δ = 0."""
    flat = step.flatten(1)
    return torch.einsum("npk,np->nk", u, flat).square().sum(1) / flat.square().sum(1)
