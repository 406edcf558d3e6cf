"""Whether counterfactuals lie where real samples lie, by the chart's own account."""

import math
from typing import Any

import numpy as np
import pandas as pd
import torch
from pytorch_lightning import Callback, Trainer
from torch import Tensor

from callbacks.measures.chart_quality import chart_encodings, decoded
from callbacks.progress import Over, tracking
from callbacks.ranks import rank_zero_first
from counterfactuals import Chart
from counterfactuals.freeze import frozen
from datamodules import DataModule
from datamodules.base import SHOWN, Selection, Split, SplitName
from lightning_modules import CounterfactualModule, Explanation
from metrics import Axes, Calibration, Grain, certify
from metrics.certificate.calibration import percentile
from metrics.certificate.certificate import Thresholds
from metrics.certificate.grain import SMALLEST
from networks.checks import not_negative, whole, within
from networks.errors import InputError
from networks.fingerprint import fingerprint
from results.cache import cached
from results.naming import column

BATCH = 128
FITTED = 2000  # training samples that the grain is learned from
GIVEN_BACK = 200  # of them, that the chart encodes and decodes for it, and mixes
UNLIKELY = 0.01  # chance of so many alarms among the originals at which they are not like the held-out samples
ROUNDING = 1e-3  # reconstruction errors of less, in units of x, do not tell samples apart


class OnManifold(Callback):
    """Measures every x′ in the chart, and certifies it: green, amber or red, with the reasons.

    Columns of every result: ``log_q`` (percentile of log q(x′) among held-out real samples), ``z_norm``
    (percentile of ‖z′‖ among them), ``off_axis`` (how far x′ is off the manifold's axes,
    see ``metrics.Axes``), ``grain`` (log-odds that noise was added to an image, see ``metrics.Grain``), ``chart_error``
    (root mean square of decode(encode(x′)) − x′), ``nonconformity`` and
    ``p_manifold`` (``Calibration`` of these; where there is a log q, it contains the norm), and after the run
    ``certificate`` and ``certificate_reasons`` (``metrics.certify``). What is more likely than real samples, such
    as a blank image, is not strange by this.

    The summary's ``originals_off_manifold`` is the share of the explained originals that are called off the
    manifold, ``originals_off_manifold_by_class`` the same of each class, ``reconstructions_off_manifold`` of the
    originals as the chart gives them back, which is its own mark on images, and ``false_alarms`` what to expect:
    how many held-out samples there were, the share of real ones that is called off on average over calibrations, and
    within which 95 of 100 calibrations lie (``metrics.Calibration``). That is a promise for all classes together; one
    class may be called off more often than another. Where more originals are called off than chance explains they are
    not like the held-out samples, and it is said.

    Images are rounded to the data's grey values first, as they would be in a file. Held-out samples are measured
    once for a chart and a split, and cached. Theorem 1 of Dombrowski et al. says that a search in Z stays where q
    is large; this measures whether it did.

    Args:
        calibration: split of real samples that the chart was not trained on. By ``val`` its best checkpoint was
            chosen, and the classifier's: a matter of one number each, and none only where another split is taken.
            Samples that are explained themselves are left out.
        num_samples: of them, drawn by seed, and half as many others for the units and axes; a likelihood of a
            continuous flow takes as long as some steps of a search.
        off_manifold, borderline, reconstruction: see ``metrics.certificate.certificate.Thresholds``.

    Raises:
        InputError: a number out of its range; before the searches, a calibration split that is explained itself and has
            too few other samples, or none of some class.
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
        held_out = self._held_out(data)
        drawn = torch.randperm(len(held_out), generator=torch.Generator().manual_seed(0))
        n = min(self.num_samples, max(1, 2 * len(drawn) // 3))  # to calibrate by; units and axes need others, by half
        others = drawn[n : n + max(2, n // 2)]
        self.able = n >= self._least
        if not self.able:
            self._tell_of_few(trainer, pl_module, n, len(drawn))
        made = Axes.fit(self._latents(trainer, pl_module, held_out, others))
        self.axes = Axes(*(t.to(pl_module.device) for t in made))
        pictures = len(data.shape) == 3 and min(data.shape[1:]) >= SMALLEST
        self.grain = self._learn_grain(trainer, pl_module, data.split("train")) if pictures else None
        self.fitted_on = fingerprint(self.grain)
        real = self._measure_some(trainer, pl_module, held_out, drawn[:n])
        # Of two samples there are no quantiles; nor can so few call anything strange.
        units = self._measure_some(trainer, pl_module, held_out, others) if len(others) > 1 else real
        self.norms = real["z_norm"].numpy()
        self.surprises = oriented(real)["surprise"]
        rounding = dict.fromkeys(("chart_error", "off_axis", "grain"), ROUNDING)
        self.calibration = Calibration(oriented(units), oriented(real), rounding)
        if trainer.is_global_zero and (silent := oriented(real).keys() - self.calibration.unit.keys()):
            print(f"OnManifold goes without {', '.join(sorted(silent))}: not finite for any of {n} real samples")
        self._count_false_alarms(trainer, pl_module, data)
        pl_module.listeners.append(lambda explanation: self._add_columns(explanation, pl_module))
        pl_module.finishers.append(self._certify)

    def _held_out(self, data: DataModule) -> Split:
        """Real samples of which none is explained."""
        split = data.split(self.split)
        if data.predict_split != self.split:
            return split
        explained = torch.zeros(len(split), dtype=torch.bool)
        explained[data.predict_selection().positions] = True
        left = Selection(split, (~explained).nonzero()[:, 0])
        problem = f"leaves {len(left)}" if 2 * len(left) // 3 < self._least and len(split) >= self._least else ""
        if data.task == "classification" and not problem:
            gone = sorted(set(split.y[explained].tolist()) - set(left.y.tolist()))
            names = ", ".join(data.class_names[c] for c in gone[:SHOWN])
            problem = f"leaves none of {names}" if gone else ""
        if problem:
            raise InputError(
                f"--data.predict_split {self.split} explains {int(explained.sum())} of the {len(split)} samples that "
                f"OnManifold calibrates by, which cannot be explained themselves, and {problem}: explain fewer, with "
                "--data.predict_limit, or calibrate by a split that is not explained, with OnManifold's calibration"
            )
        return left

    @property
    def _least(self) -> int:
        """Samples by which the strangest can be called off the manifold at all."""
        return math.ceil(1 / self.thresholds.off_manifold) - 1 if self.thresholds.off_manifold else 0

    def _count_false_alarms(self, trainer: Trainer, pl_module: CounterfactualModule, data: DataModule) -> None:
        explained, level = data.predict_selection(), self.thresholds.off_manifold
        some = torch.randperm(len(explained), generator=torch.Generator().manual_seed(0))[: self.num_samples]
        alarms, of_reconstructions = (
            self.calibration.p_value(self.calibration.nonconformity(oriented(measured))) <= level
            for back in (False, True)
            for measured in [self._measure_some(trainer, pl_module, explained, some, back)]
        )
        expected = self.calibration.false_alarms(level)
        pl_module.summary["originals_off_manifold"] = float(alarms.mean())
        pl_module.summary["reconstructions_off_manifold"] = float(of_reconstructions.mean())
        pl_module.summary["false_alarms"] = expected._asdict()
        pl_module.summary["thresholds"] = self.thresholds._asdict()
        if data.task == "classification":
            labels = explained.y[some].numpy()
            shares = {data.class_names[c]: float(alarms[labels == c].mean()) for c in np.unique(labels)}
            pl_module.summary["originals_off_manifold_by_class"] = shares
        if self.calibration.chance_of(int(alarms.sum()), len(alarms), level) < UNLIKELY:
            self._tell(
                trainer,
                pl_module,
                f"{alarms.mean():.1%} of the originals are called off the manifold, and {expected.low:.1%} to "
                f"{expected.high:.1%} would be expected of samples like the {expected.samples} of {self.split}: they "
                "are not, and certificates are too strict",
            )
        elif self.calibration.chance_of(int(of_reconstructions.sum()), len(alarms), level) < UNLIKELY:
            self._tell(
                trainer,
                pl_module,
                f"the chart leaves its mark on images: {of_reconstructions.mean():.1%} of the originals are called off "
                f"the manifold once it has encoded and decoded them, and {alarms.mean():.1%} before. Red certificates "
                "may be the chart's and not the search's: train it longer, or let it take more steps",
            )

    @staticmethod
    def _tell(trainer: Trainer, pl_module: CounterfactualModule, problem: str) -> None:
        pl_module.summary.setdefault("quality", {"problems": []})["problems"].append(problem)
        if trainer.is_global_zero:
            print(f"OnManifold: {problem}")

    def _tell_of_few(self, trainer: Trainer, pl_module: CounterfactualModule, n: int, held_out: int) -> None:
        self._tell(
            trainer,
            pl_module,
            f"no certificate can be green: {n} of the {held_out} real samples of {self.split} are left to judge by, as "
            f"the others set the units, and it takes {self._least} to call anything off the manifold. Give "
            f"{self.split} {3 * self._least // 2} samples or more, with more data or other --data.fractions",
        )

    def _learn_grain(self, trainer: Trainer, pl_module: CounterfactualModule, split: Split) -> Grain:
        """From the cache where it is there."""
        chart = pl_module.chart

        def learn() -> dict[str, Tensor]:
            some = torch.randperm(len(split), generator=torch.Generator().manual_seed(0))[:FITTED]
            x = split.__getitems__(some.tolist())["x"]
            with frozen(chart):
                over = tracking(trainer, "certificate: drawing images to learn their grain")
                drawn = self._rounded(self.drawn(chart, x[:GIVEN_BACK], pl_module.device, over))
            drawn = drawn[drawn.isfinite().flatten(1).all(1)]
            return Grain.learn(x, self.levels, drawn if len(drawn) else None)

        depends_on = [split.fingerprint(), fingerprint(chart, FITTED, GIVEN_BACK, self.levels)]
        return Grain(**rank_zero_first(trainer, lambda: cached("grain_and_mixtures", depends_on, learn)))

    @staticmethod
    def drawn(chart: Chart, x: Tensor, device: torch.device, over: Over = iter) -> Tensor:
        """x as the chart gives it back, and mixtures of two, whose noise is that of images that x does not hold.

        (zᵢ + zⱼ)/√2 is distributed as z is, where that is normal: a sample of the chart that asks for no prior.
        """
        z = chart_encodings(chart, x.to(device), over)
        free = chart.free(z)
        mixed = z + chart.filled((free + free.roll(1, 0)) / math.sqrt(2) - free)  # what is locked stays
        return decoded(chart, torch.cat([z, mixed]), over).cpu()

    @staticmethod
    def _given_back(chart: Chart, x: Tensor, device: torch.device) -> Tensor:
        return decoded(chart, chart_encodings(chart, x.to(device))).cpu()

    def _rounded(self, x: Tensor) -> Tensor:
        """As it would be in a file."""
        return x if self.levels is None else (x.clamp(0, 1) * (self.levels - 1)).round() / (self.levels - 1)

    def _latents(self, trainer: Trainer, pl_module: CounterfactualModule, split: Split, chosen: Tensor) -> Tensor:
        """N×D, from the cache where they are there."""
        chart, device = pl_module.chart, pl_module.device

        def encode() -> dict[str, Tensor]:
            if not len(chosen):
                return {"z": chart.free(torch.zeros(0, chart.dim, device=device))}
            with frozen(chart):
                x = split.__getitems__(chosen.tolist())["x"]
                over = tracking(trainer, "certificate: encoding held-out samples")
                return {"z": chart.free(chart_encodings(chart, x.to(device), over))}

        return rank_zero_first(
            trainer, lambda: cached("latents", [fingerprint(chart, chosen), split.fingerprint()], encode)
        )["z"]

    def _measure_some(
        self, trainer: Trainer, pl_module: CounterfactualModule, split: Split, chosen: Tensor, given_back: bool = False
    ) -> dict[str, Tensor]:
        """Of real samples, or of what the chart gives back of them; from the cache where they are there."""
        chart, device = pl_module.chart, pl_module.device

        def measure() -> dict[str, Tensor]:
            x = split.__getitems__(chosen.tolist())["x"]
            what = "what the chart gives back" if given_back else "real samples"
            over = tracking(trainer, f"certificate: measuring {what}")
            with frozen(chart):
                return self._measure(chart, self._given_back(chart, x, device) if given_back else x, device, over)

        depends_on = [fingerprint(chart, chosen, self.levels, self.axes, given_back), split.fingerprint()]
        depends_on.append(self.fitted_on)
        return rank_zero_first(trainer, lambda: cached("manifold", depends_on, measure))

    @torch.no_grad()
    def _add_columns(self, explanation: Explanation, pl_module: CounterfactualModule) -> None:
        chart = pl_module.chart
        with frozen(chart):
            measured = self._measure(chart, explanation.counterfactuals.counterfactual, pl_module.device)
        arrays = oriented(measured)
        nonconformity = self.calibration.nonconformity(arrays)
        columns: dict[str, Any] = {
            "z_norm": torch.from_numpy(percentile(self.norms, measured["z_norm"].numpy())),
            "off_axis": measured["off_axis"],
            "chart_error": measured["chart_error"],
            "nonconformity": torch.from_numpy(nonconformity),
            "p_manifold": torch.from_numpy(self.calibration.p_value(nonconformity)),
        }
        if "grain" in measured:
            columns["grain"] = measured["grain"]
        if "log_q" in measured:
            columns["log_q"] = torch.from_numpy(1 - percentile(self.surprises, arrays["surprise"]))
        explanation.columns.update(columns)

    def _measure(self, chart: Chart, x: Tensor, device: torch.device, over: Over = iter) -> dict[str, Tensor]:
        parts = [self._measure_part(chart, part.to(device)) for part in over(x.split(BATCH))]
        return {name: torch.cat([part[name] for part in parts]) for name in parts[0]}

    def _measure_part(self, chart: Chart, x: Tensor) -> dict[str, Tensor]:
        x = self._rounded(x)
        z, log_q = chart.encode_with_log_prob(x)
        error = (chart.decode(z) - x).flatten(1).square().mean(1).sqrt()
        free = chart.free(z)
        measured = {"z_norm": free.norm(dim=1), "off_axis": self.axes.distance(free), "chart_error": error}
        measured |= {} if log_q is None else {"log_q": log_q}
        measured |= {} if self.grain is None else {"grain": torch.from_numpy(self.grain(x))}
        return {name: values.float().cpu() for name, values in measured.items()}

    def _certify(self, table: pd.DataFrame, result: str) -> pd.DataFrame:
        return table.join(certify(table, column(result, ""), self.thresholds, self.able))


def oriented(measured: dict[str, Tensor]) -> dict[str, np.ndarray]:
    """The measurements that are large where a sample is strange: −log q, or ‖z‖ where the chart has no density."""
    surprise = -measured["log_q"] if "log_q" in measured else measured["z_norm"]
    chosen = {"surprise": surprise, "off_axis": measured["off_axis"], "chart_error": measured["chart_error"]}
    chosen |= {"grain": measured["grain"]} if "grain" in measured else {}
    return {name: values.numpy() for name, values in chosen.items()}
