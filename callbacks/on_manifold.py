"""Whether counterfactuals lie where real samples lie, by the chart's own account."""

import math
from typing import Any

import numpy as np
import pandas as pd
import torch
from pytorch_lightning import Callback, Trainer
from torch import Tensor

from callbacks.cache import cached
from callbacks.naming import column
from counterfactuals import Chart
from counterfactuals.freeze import frozen
from datamodules import DataModule
from datamodules.base import Split, SplitName, sha256
from lightning_modules import CounterfactualModule, Explanation
from metrics import Axes, Calibration, Grain, certify
from metrics.certificate import Thresholds
from networks.checks import not_negative, whole, within
from networks.errors import InputError
from networks.weights import weights_hash

BATCH = 128
FITTED = 4000  # training samples that the grain is learned from
ROUNDING = 1e-3  # reconstruction errors of less, in units of x, do not tell samples apart


class OnManifold(Callback):
    """Measures every x′ in the chart, and certifies it: green, amber or red, with the reasons.

    Columns of every result: ``log_q`` (percentile of log q(x′) among held-out real samples), ``z_norm``
    (percentile of ‖z′‖ in the χ distribution of D dimensions), ``off_axis`` (how far x′ is off the manifold's axes,
    see ``metrics.Axes``), ``grain`` (fine detail of an image beyond what the coarse lets expect, see
    ``metrics.Grain``), ``chart_error`` (root mean square of decode(encode(x′)) − x′), ``strangeness`` and
    ``p_manifold`` (``Calibration`` of these; where there is a log q, it contains the norm), and after the run
    ``certificate`` and ``certificate_reasons`` (``metrics.certificate``). What is more likely than real samples, such
    as a blank image, is not strange by this.

    The summary's ``originals_off_manifold`` is the share of the explained originals that are called off the
    manifold: what false alarms there are. Far above the threshold (4 %) the originals are not like the held-out
    samples.

    Images are rounded to the data's grey values first, as they would be in a file. Held-out samples are measured
    once for a chart and a split, and cached. Theorem 1 of Dombrowski et al. says that a search in Z stays where q
    is large; this measures whether it did.

    Args:
        calibration: split of real samples; one that the chart was not trained on.
        num_samples: of them, drawn by seed; a likelihood of a continuous flow takes as long as some steps of a search.
        off_manifold, borderline, reconstruction: see ``metrics.certificate.Thresholds``.
    """

    def __init__(
        self,
        calibration: SplitName = "val",
        num_samples: int = 500,
        off_manifold: float = Thresholds().off_manifold,
        borderline: float = Thresholds().borderline,
        reconstruction: float = Thresholds().reconstruction,
    ) -> None:
        InputError.collect(
            whole(1, num_samples=num_samples)
            + within(0, 1, off_manifold=off_manifold, borderline=borderline)
            + not_negative(reconstruction=reconstruction)
        )
        if off_manifold > borderline:
            raise InputError(f"off_manifold must not be above borderline; got {off_manifold} and {borderline}")
        self.split, self.num_samples = calibration, num_samples
        self.thresholds = Thresholds(off_manifold, borderline, reconstruction)

    @torch.no_grad()
    def on_predict_start(self, trainer: Trainer, pl_module: CounterfactualModule) -> None:  # type: ignore[override]
        data: DataModule = trainer.datamodule  # type: ignore[attr-defined]
        self.levels: int | None = data.levels
        held_out = data.split(self.split)
        drawn = torch.randperm(len(held_out), generator=torch.Generator().manual_seed(0))
        n = min(self.num_samples, max(1, 2 * len(drawn) // 3))  # to calibrate by; the axes need others, by half
        self._tell_of_few(trainer, pl_module, n)
        made = Axes.fit(self._latents(trainer, pl_module, held_out, drawn[n : n + max(2, n // 2)]))
        self.axes = Axes(*(t.to(pl_module.device) for t in made))
        self.grain = self._learn_grain(trainer, data.split("train")) if len(data.shape) == 3 else None
        self.fitted_on = data.split("train").fingerprint() if self.grain else ""
        real = self._measure_some(trainer, pl_module, held_out, drawn[:n])
        rounding = dict.fromkeys(("chart_error", "off_axis", "grain"), ROUNDING)
        self.calibration = Calibration(strange(real), rounding)
        if trainer.is_global_zero and (silent := strange(real).keys() - self.calibration.sorted.keys()):
            print(f"OnManifold goes without {', '.join(sorted(silent))}: not finite for any of {n} real samples")
        explained = data.predict_selection()
        some = torch.randperm(len(explained), generator=torch.Generator().manual_seed(0))[: self.num_samples]
        originals = self.calibration.strangeness(strange(self._measure_some(trainer, pl_module, explained, some)))
        alarms = self.calibration.p_value(originals) <= self.thresholds.off_manifold
        pl_module.summary["originals_off_manifold"] = float(alarms.mean())
        pl_module.summary["thresholds"] = self.thresholds._asdict()
        pl_module.listeners.append(lambda explanation: self._add_columns(explanation, pl_module))
        pl_module.finishers.append(self._certify)

    def _tell_of_few(self, trainer: Trainer, pl_module: CounterfactualModule, n: int) -> None:
        if (least := 1 / (n + 1)) <= self.thresholds.off_manifold:
            return
        problem = (
            f"{n} held-out images of {self.split} are too few to call anything off the manifold, whatever it looks "
            f"like: that takes {math.ceil(1 / self.thresholds.off_manifold) - 1}, since no p-value is below {least:.2g}"
        )
        pl_module.summary.setdefault("quality", {"problems": []})["problems"].append(problem)
        if trainer.is_global_zero:
            print(f"OnManifold: {problem}")

    @staticmethod
    def _learn_grain(trainer: Trainer, split: Split) -> Grain:
        """From the cache where it is there."""

        def learn() -> dict[str, Tensor]:
            some = torch.randperm(len(split), generator=torch.Generator().manual_seed(0))[:FITTED]
            return Grain.learn(split.__getitems__(some.tolist())["x"])

        return Grain(**cached(trainer, "grain", [split.fingerprint(), str(FITTED)], learn))

    def _latents(self, trainer: Trainer, pl_module: CounterfactualModule, split: Split, chosen: Tensor) -> Tensor:
        """N×D, from the cache where they are there."""
        chart, device = pl_module.chart, pl_module.device

        def encode() -> dict[str, Tensor]:
            if not len(chosen):
                return {"z": torch.zeros(0, chart.dim)}
            with frozen(chart):
                x = split.__getitems__(chosen.tolist())["x"]
                return {"z": torch.cat([chart.encode(part.to(device)) for part in x.split(BATCH)])}

        return cached(trainer, "latents", [weights_hash(chart), split.fingerprint(), str(len(chosen))], encode)["z"]

    def _measure_some(
        self, trainer: Trainer, pl_module: CounterfactualModule, split: Split, chosen: Tensor
    ) -> dict[str, Tensor]:
        """Of real samples, from the cache where they are there."""
        chart, device = pl_module.chart, pl_module.device

        def measure() -> dict[str, Tensor]:
            with frozen(chart):
                return self._measure(chart, split.__getitems__(chosen.tolist())["x"], device)

        axes = sha256(self.axes.mean.cpu().numpy())
        depends_on = [weights_hash(chart), split.fingerprint(), str(len(chosen)), axes, self.fitted_on]
        return cached(trainer, "manifold", depends_on, measure)

    @torch.no_grad()
    def _add_columns(self, explanation: Explanation, pl_module: CounterfactualModule) -> None:
        chart = pl_module.chart
        with frozen(chart):
            measured = self._measure(chart, explanation.counterfactuals.counterfactual, pl_module.device)
        arrays = strange(measured)
        strangeness = self.calibration.strangeness(arrays)
        columns: dict[str, Any] = {
            "z_norm": chi_percentile(measured["z_norm"], chart.dim),
            "off_axis": measured["off_axis"],
            "chart_error": measured["chart_error"],
            "strangeness": torch.from_numpy(strangeness),
            "p_manifold": torch.from_numpy(self.calibration.p_value(strangeness)),
        }
        if "grain" in measured:
            columns["grain"] = measured["grain"]
        if "log_q" in measured:
            columns["log_q"] = torch.from_numpy(1 - self.calibration.percentile("surprise", arrays["surprise"]))
        explanation.columns.update(columns)

    def _measure(self, chart: Chart, x: Tensor, device: torch.device) -> dict[str, Tensor]:
        parts = [self._measure_part(chart, part.to(device)) for part in x.split(BATCH)]
        return {name: torch.cat([part[name] for part in parts]) for name in parts[0]}

    def _measure_part(self, chart: Chart, x: Tensor) -> dict[str, Tensor]:
        if self.levels is not None:
            x = (x.clamp(0, 1) * (self.levels - 1)).round() / (self.levels - 1)
        z, log_q = chart.encode_with_log_prob(x)
        error = (chart.decode(z) - x).flatten(1).square().mean(1).sqrt()
        measured = {"z_norm": z.norm(dim=1), "off_axis": self.axes.distance(z), "chart_error": error}
        measured |= {} if log_q is None else {"log_q": log_q}
        measured |= {} if self.grain is None else {"grain": torch.from_numpy(self.grain(x))}
        return {name: values.float().cpu() for name, values in measured.items()}

    def _certify(self, table: pd.DataFrame, result: str) -> pd.DataFrame:
        return table.join(certify(table, column(result, ""), self.thresholds))


def chi_percentile(norm: Tensor, dim: int) -> Tensor:
    """Share of standard normal vectors of D dimensions that are shorter, N in [0, 1]."""
    half = torch.tensor(dim / 2, dtype=torch.float64)
    return torch.special.gammainc(half.expand(len(norm)), norm.double().square() / 2).float()


def strange(measured: dict[str, Tensor]) -> dict[str, np.ndarray]:
    """The measurements that are large where a sample is strange: −log q, or ‖z‖ where the chart has no density."""
    surprise = -measured["log_q"] if "log_q" in measured else measured["z_norm"]
    chosen = {"surprise": surprise, "off_axis": measured["off_axis"], "chart_error": measured["chart_error"]}
    chosen |= {"grain": measured["grain"]} if "grain" in measured else {}
    return {name: values.numpy() for name, values in chosen.items()}
