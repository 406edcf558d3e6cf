"""The singular-value spectrum of the generator's Jacobian."""

from typing import Any

import torch
import wandb
from pytorch_lightning import Callback, LightningModule, Trainer
from torch import Tensor
from torchvision.utils import save_image

from callbacks.staging import results_folder
from callbacks.tracking.logs import log_image, log_plot, log_scalars
from callbacks.training.tangents import tangent_grid
from counterfactuals import Chart
from counterfactuals.freeze import frozen
from datamodules.base import Split
from lightning_modules import CounterfactualModule, chart_of
from metrics import dimension_above, effective_dimension, leading_spectrum, smallest_sigma, spectrum
from networks.checks import whole
from networks.errors import InputError


class Spectrum(Callback):
    """Mean sorted singular values of ∂g/∂z at random real points, and how many directions they amount to.

    In fit of a chart it looks at validation points, in predict at the points that are explained
    (Dombrowski et al., IV.A and Fig. 7); ranks share the points. Exact up to ``max_exact``
    dimensions. Above, the ``leading`` ones at both ends are found by randomised subspace iteration
    (the small end only where the chart is exact). Logs ``spectrum/effective_dimension``
    (participation ratio), ``spectrum/dimension_above_10pct``, the extremes, a line plot and a histogram. Points where
    the Jacobian is not finite are left out, and where it is at none nothing is logged.

    Args:
        num_samples: points to average over.
        every_n_epochs: how often in fit.
        chunk_size: rows of Jacobians computed at once.
        max_exact: largest dimension for which the whole spectrum is computed.
        leading: singular values at each end above that.
        num_tangents: leading tangent vectors of the first points to show and save: "what the model
            believes one may change here". Written to ``tangents/`` in the run's folder, as PNG and
            as tensors; 0 for none.
    """

    def __init__(
        self,
        num_samples: int = 100,
        every_n_epochs: int = 5,
        chunk_size: int = 4096,
        max_exact: int = 1024,
        leading: int = 32,
        num_tangents: int = 0,
    ) -> None:
        InputError.collect(
            whole(1, num_samples=num_samples, every_n_epochs=every_n_epochs, chunk_size=chunk_size, leading=leading)
            + whole(0, max_exact=max_exact, num_tangents=num_tangents)
        )
        self.num_samples, self.every_n_epochs, self.chunk_size = num_samples, every_n_epochs, chunk_size
        self.max_exact, self.leading, self.num_tangents = max_exact, leading, num_tangents

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        if stage != "predict":
            chart_of(pl_module)  # a task without one says so now, not after some epochs

    def on_predict_epoch_end(self, trainer: Trainer, pl_module: CounterfactualModule) -> None:  # type: ignore[override]
        points = trainer.datamodule.predict_selection()  # type: ignore[attr-defined]
        pl_module.summary["spectrum"] = self._measure(trainer, pl_module, pl_module.chart, points, "explained")

    def on_validation_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if not trainer.sanity_checking and (trainer.current_epoch + 1) % self.every_n_epochs == 0:
            points = trainer.datamodule.split("val")  # type: ignore[attr-defined]
            name = f"epoch-{trainer.current_epoch:03d}"
            self._measure(trainer, pl_module, chart_of(pl_module), points, name)

    def _measure(
        self, trainer: Trainer, pl_module: LightningModule, chart: Chart, points: Split, name: str
    ) -> dict[str, Any]:
        n = min(max(self.num_samples, trainer.world_size), len(points))
        chosen = torch.randperm(len(points), generator=torch.Generator().manual_seed(0))[:n]
        mine = torch.arange(trainer.global_rank, n, trainer.world_size)
        x = points.__getitems__(chosen[mine].tolist())["x"].to(pl_module.device)
        with torch.no_grad(), frozen(chart):
            sigma, index, energy, tangents = self._spectrum(chart, x, chosen[mine].tolist())
        sigma, energy = _gather(trainer, sigma, mine, n), _gather(trainer, energy[:, None], mine, n)[:, 0]
        if trainer.is_global_zero and self.num_tangents:
            self._show(trainer, x[: len(tangents)].cpu(), tangents.cpu(), name)
        known = sigma.isfinite().all(1)
        if trainer.is_global_zero and not known.all():
            print(f"Spectrum: the Jacobian is not finite at {int((~known).sum())} of {n} points, which are left out")
        return _log(trainer, sigma[known].cpu(), index, energy[known].cpu()) if known.any() else {}

    def _spectrum(self, chart: Chart, x: Tensor, seeds: list[int]) -> tuple[Tensor, list[int], Tensor, Tensor]:
        """σ (n×k), which ones they are (1 the largest, D the smallest), ‖J‖² (n), and the first points'
        tangent vectors (m×``num_tangents``×``shape``)."""
        z = chart.encode(x)
        k, d = self.leading, chart.free(z).shape[1]
        if chart.dim <= self.max_exact:
            result = spectrum(chart.decode, z, self.chunk_size)
            sigma, index = result.sigma[:, :d], list(range(1, d + 1))  # what is locked moves nothing
        else:
            result = leading_spectrum(chart.decode, z, k, seeds=seeds)
            sigma, index = result.sigma, list(range(1, k + 1))
            if chart.exact and chart.locked is None:
                small = smallest_sigma(chart.encode, x, k, seeds=seeds)
                sigma, index = torch.cat([sigma, small], 1), [*index, *range(d - k + 1, d + 1)]
        u = result.u[:8, :, : self.num_tangents].mT
        return sigma, index, result.energy, u.reshape(*u.shape[:2], *chart.shape)

    def _show(self, trainer: Trainer, x: Tensor, tangents: Tensor, name: str) -> None:
        folder = results_folder(trainer) / "tangents"
        folder.mkdir(parents=True, exist_ok=True)
        torch.save({"x": x, "tangents": tangents}, folder / f"{name}.pt")
        if x.dim() == 4:  # points in space have no picture
            grid = tangent_grid(x, tangents)
            save_image(grid, folder / f"{name}.png")
            log_image(trainer, "spectrum/tangents", grid)


def _gather(trainer: Trainer, values: Tensor, rows: Tensor, n: int) -> Tensor:
    """Rows of all ranks, in order: n×k on every rank."""
    gathered = values.new_zeros(n, values.shape[1])
    gathered[rows.to(values.device)] = values
    return trainer.strategy.reduce(gathered, reduce_op="sum")  # type: ignore[return-value]


def _log(trainer: Trainer, sigma: Tensor, index: list[int], energy: Tensor) -> dict[str, Any]:
    mean = sigma.mean(0)
    values = {
        "effective_dimension": float(effective_dimension(sigma, energy).mean()),
        "dimension_above_10pct": float(dimension_above(sigma).float().mean()),
        "sigma_max": float(mean[0]),
        "sigma_min": float(mean[-1]),
    }
    log_scalars(trainer, {f"spectrum/{k}": v for k, v in values.items()})
    table = wandb.Table(columns=["i", "sigma"], data=[[i, float(s)] for i, s in zip(index, mean, strict=True)])
    log_plot(trainer, "spectrum/mean_sorted", wandb.plot.line(table, "i", "sigma", title="mean σᵢ of ∂g/∂z"))
    log_plot(trainer, "spectrum/log10_sigma", wandb.Histogram(sigma.clamp(min=1e-12).log10().flatten().tolist()))
    return {**values, "index": index, "sigma": mean.tolist()}
