"""The singular-value spectrum of the generator's Jacobian."""

from typing import Any

import torch
import wandb
from pytorch_lightning import Callback, Trainer

from callbacks.logs import log_plot, log_scalars
from counterfactuals import Chart
from lightning_modules import CounterfactualModule, FlowModule
from metrics import dimension_above, effective_dimension, spectrum


class Spectrum(Callback):
    """Mean sorted singular values of ∂g/∂z at real points, and how many directions they amount to.

    Exact; for charts of a few thousand dimensions at most. In fit of a flow it looks at validation
    points, in predict at the points that are explained (Dombrowski et al., IV.A and Fig. 7).
    Logs ``spectrum/effective_dimension`` (participation ratio), ``spectrum/dimension_above_10pct``,
    the extremes, a line plot and a histogram.

    Args:
        num_samples: points to average over.
        every_n_epochs: how often in fit.
        chunk_size: points differentiated at once.
    """

    def __init__(self, num_samples: int = 100, every_n_epochs: int = 5, chunk_size: int = 25) -> None:
        self.num_samples, self.every_n_epochs, self.chunk_size = num_samples, every_n_epochs, chunk_size

    def on_predict_epoch_end(self, trainer: Trainer, pl_module: CounterfactualModule) -> None:  # type: ignore[override]
        if trainer.is_global_zero:
            points = trainer.datamodule.predict_selection()  # type: ignore[attr-defined]
            pl_module.summary["spectrum"] = self._measure(trainer, pl_module.chart, points, pl_module.device)

    def on_validation_epoch_end(self, trainer: Trainer, pl_module: FlowModule) -> None:  # type: ignore[override]
        due = not trainer.sanity_checking and (trainer.current_epoch + 1) % self.every_n_epochs == 0
        if due and trainer.is_global_zero:
            points = trainer.datamodule.split("val")  # type: ignore[attr-defined]
            self._measure(trainer, pl_module.chart(), points, pl_module.device)

    def _measure(self, trainer: Trainer, chart: Chart, points: Any, device: torch.device) -> dict[str, Any]:
        x = points.__getitems__(list(range(min(self.num_samples, len(points)))))["x"].to(device)
        with torch.no_grad():
            sigma = spectrum(chart.decode, chart.encode(x), self.chunk_size).sigma.cpu()
        mean = sigma.mean(0)
        values = {
            "effective_dimension": float(effective_dimension(sigma).mean()),
            "dimension_above_10pct": float(dimension_above(sigma).float().mean()),
            "sigma_max": float(mean[0]),
            "sigma_min": float(mean[-1]),
        }
        log_scalars(trainer, {f"spectrum/{k}": v for k, v in values.items()})
        table = wandb.Table(columns=["i", "sigma"], data=[[i + 1, float(s)] for i, s in enumerate(mean)])
        log_plot(trainer, "spectrum/mean_sorted", wandb.plot.line(table, "i", "sigma", title="mean σᵢ of ∂g/∂z"))
        log_plot(trainer, "spectrum/log10_sigma", wandb.Histogram(sigma.clamp(min=1e-12).log10().flatten().tolist()))
        return {**values, "sigma": mean.tolist()}
