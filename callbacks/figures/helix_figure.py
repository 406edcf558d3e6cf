"""The paper's toy figure: one search in X and one in Z, and what the flow takes for the tangent."""

from typing import Any

import numpy as np
import torch
from matplotlib.figure import Figure
from pytorch_lightning import Callback, Trainer

from callbacks.staging import results_folder
from counterfactuals import Counterfactuals
from datamodules.helix import HALF_HEIGHT, helix
from lightning_modules import CounterfactualModule, Explanation
from metrics import Spectrum, spectrum
from networks.checks import whole
from networks.errors import InputError
from report.figures.plots import CONTROL, GREY, OWN


class HelixFigure(Callback):
    """``figures/trajectories.png`` and ``figures/tangent_directions.png`` of a helix run.

    Needs ``keep_every: 1`` on method and control. Source: *Diffeomorphic Counterfactuals*, Fig. 6
    and Fig. 7 (left).

    Args:
        num_tangents: points at which the scaled left singular vectors of ∂g/∂z are drawn.
    """

    def __init__(self, num_tangents: int = 25) -> None:
        InputError.collect(whole(1, num_tangents=num_tangents))
        self.num_tangents = num_tangents
        self.shown: dict[str, list[Explanation]] = {}

    def setup(self, trainer: Trainer, pl_module: CounterfactualModule, stage: str) -> None:  # type: ignore[override]
        for name in ("", "control"):
            if getattr(pl_module.searches.get(name, (None, None))[1], "keep_every", 0) != 1:
                argument = "control" if name else "method"
                raise InputError(f"HelixFigure draws trajectories: set model.{argument}.init_args.keep_every to 1")

    def on_predict_start(self, trainer: Trainer, pl_module: CounterfactualModule) -> None:  # type: ignore[override]
        self.shown = {"": [], "control": []}
        pl_module.listeners.append(self._keep)

    def _keep(self, explanation: Explanation) -> None:
        if explanation.name in self.shown:
            self.shown[explanation.name].append(explanation)

    def on_predict_epoch_end(self, trainer: Trainer, pl_module: CounterfactualModule) -> None:  # type: ignore[override]
        if not trainer.is_global_zero:
            return
        folder = results_folder(trainer) / "figures"
        folder.mkdir(parents=True, exist_ok=True)
        trajectories({n: Explanation.join(parts).counterfactuals for n, parts in self.shown.items()}).savefig(
            folder / "trajectories.png", dpi=110
        )
        x = helix(torch.linspace(-0.95, 0.95, self.num_tangents) * HALF_HEIGHT).to(pl_module.device)
        with torch.no_grad():
            local = spectrum(pl_module.chart.decode, pl_module.chart.encode(x))
        tangents(x.cpu().numpy(), local).savefig(folder / "tangent_directions.png", dpi=110)


def trajectories(results: dict[str, Counterfactuals]) -> Figure:
    """The search with the longest way in X, drawn in Z's and in X's coordinates beside the manifold."""
    both = results[""].flipped & results["control"].flipped
    row = int((both * (results[""].counterfactual - results[""].x).norm(dim=1)).argmax())
    figure, axes = _space("Gradient ascent in Z and in X")
    for name, label, colour in (("", "in Z, decoded", OWN), ("control", "in X", CONTROL)):
        cf = results[name]
        assert cf.path is not None
        path = cf.path[row].numpy()
        axes.plot(*path.T, color=colour, lw=2.5, label=label)
        axes.scatter(*path[-1], color=colour, s=60, marker="X")
    axes.scatter(*results[""].x[row].numpy(), color="black", s=60, label="x")
    axes.legend(frameon=False, loc="upper left")  # the right is the height axis
    return figure


def tangents(x: np.ndarray, local: Spectrum) -> Figure:
    """Left singular vectors of ∂g/∂z, each as long as its singular value, at points on the helix."""
    figure, axes = _space("Left singular vectors of ∂g/∂z, scaled by σ")
    scale = 0.4 / float(local.sigma.max())  # the longest one must not hide the curve
    for i, colour in enumerate((OWN, CONTROL, "#7c3aed")):
        arrows = (local.u[:, :, i] * local.sigma[:, None, i]).cpu().numpy() * scale
        for point, arrow in zip(x, arrows, strict=True):
            axes.plot(*np.stack([point - arrow, point + arrow]).T, color=colour, lw=2)
        axes.plot([], [], [], color=colour, label=f"mean σ{'₁₂₃'[i]} = {local.sigma[:, i].mean():.3g}")
    axes.legend(frameon=False, loc="upper left")  # the right is the height axis
    return figure


def _space(title: str) -> tuple[Figure, Any]:
    figure = Figure(figsize=(6, 6), layout="constrained")
    axes = figure.add_subplot(projection="3d")
    curve = helix(torch.linspace(-HALF_HEIGHT, HALF_HEIGHT, 400)).numpy()
    axes.plot(*curve.T, color=GREY, lw=1, alpha=0.8)
    axes.set(title=title, xlabel="x₁", ylabel="x₂", zlabel="x₃")
    axes.set_box_aspect((1, 1, 2))
    return figure, axes
