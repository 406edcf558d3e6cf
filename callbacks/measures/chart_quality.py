"""Whether a chart is good enough to explain with, said before anyone believes a picture."""

from functools import partial
from typing import Any

import pandas as pd
import torch
from pytorch_lightning import Callback, Trainer
from torch import Tensor, nn

from callbacks.progress import Over, tracking
from callbacks.tracking.logs import log_scalars
from counterfactuals import Chart
from counterfactuals.freeze import frozen
from datamodules import DataModule
from lightning_modules import CounterfactualModule, load_predictor
from metrics import FID
from metrics.samples import of_originals
from networks.checks import not_negative, whole, within
from networks.errors import InputError
from networks.features import Features, has_features

BATCH = 128


class ChartQuality(Callback):
    """Measures the chart on held-out images before the search, and says in plain words what is wrong with it.

    - **Reconstruction**: root mean square of decode(encode(x)) − x, in grey values from 0 to 1.
    - **Samples**: Fréchet distance of decoded noise to the validation images (``fid_samples``), as a share of the
      trace of their covariance: 0 is like the data, and 1 as far from it as an image from the mean. Beside it the
      distance of equally many training images (``fid_real``), which is what chance leaves.
    - **Oracles**: every oracle's accuracy, or error, on the explained originals, at the end of the run.

    The verdicts go to the terminal, to ``summary.json`` (``quality``) and to the head of the report. Nothing
    is refused: a chart that fails is shown for what it is.

    Args:
        extractor: checkpoint of a ``ClassifierModule`` or a network with ``features``, in whose features
            samples are compared; ``None`` for the explained predictor's own, where it has them: samples
            do not attack it.
        num_samples: images that are looked at, at most.
        max_reconstruction: root mean square that is good enough.
        max_fid_share: share that is good enough.
        min_oracle: an oracle's accuracy above the largest class's share, as a part of what that lacks of 1; of
            values, how much smaller than their spread its error must be.
    """

    def __init__(
        self,
        extractor: str | nn.Module | None = None,
        num_samples: int = 500,
        max_reconstruction: float = 0.05,
        max_fid_share: float = 0.25,
        min_oracle: float = 0.3,
    ) -> None:
        InputError.collect(
            whole(1, num_samples=num_samples)
            + not_negative(max_reconstruction=max_reconstruction, max_fid_share=max_fid_share)
            + within(0, 1, min_oracle=min_oracle)
        )
        self.extractor = load_predictor(extractor) if isinstance(extractor, str) else extractor
        self.num_samples = num_samples
        self.max_reconstruction, self.max_fid_share, self.min_oracle = max_reconstruction, max_fid_share, min_oracle

    @torch.no_grad()
    def on_predict_start(self, trainer: Trainer, pl_module: CounterfactualModule) -> None:  # type: ignore[override]
        chart, data = pl_module.chart, trainer.datamodule  # type: ignore[attr-defined]
        with frozen(pl_module.predictor, chart):
            n = min(self.num_samples, len(data.split("val")), len(data.split("train")))
            held_out = _first(data.split("val"), n, pl_module.device)
            z = chart_encodings(chart, held_out, tracking(trainer, "chart: encoding held-out samples"))
            over = tracking(trainer, "chart: decoding them, and samples")
            back = decoded(chart, z, over)
            quality = {"reconstruction_error": float((back - held_out).square().mean().sqrt())}
            extractor = self.extractor or (pl_module.predictor if has_features(pl_module.predictor) else None)
            if extractor is not None and len(chart.shape) == 3 and n > 1:  # of one image nothing varies
                extractor = Features(extractor).to(pl_module.device)
                train = _first(data.split("train"), n, pl_module.device)
                quality |= distances(chart, extractor, held_out, train, over)
                quality["fid_reconstructions"] = fid(extractor, back.clamp(0, 1), held_out)
        pl_module.summary["quality"] = {**quality, "problems": []}
        log_scalars(trainer, {f"quality/{name}": value for name, value in quality.items()})
        self._say(trainer, pl_module, self.problems(quality))
        pl_module.finishers.append(partial(self._look_at_oracles, trainer, pl_module))

    def _look_at_oracles(
        self, trainer: Trainer, pl_module: CounterfactualModule, table: pd.DataFrame, result: str
    ) -> pd.DataFrame:
        """Oracles have seen all originals by now."""
        data: DataModule = trainer.datamodule  # type: ignore[attr-defined]
        y = data.split("train").y
        if not result and data.task == "classification":
            known = {name: float(right.mean()) for name, right in of_originals(table.drop_duplicates("index")).items()}
            problems = self.oracle_problems(_own(known, "accuracy"), float(y.bincount().max() / len(y)))
            self._say(trainer, pl_module, problems)
        elif not result:
            self._say(trainer, pl_module, self.value_problems(_own(pl_module.summary, "rmse"), float(y.std())))
        return table

    @staticmethod
    def _say(trainer: Trainer, pl_module: CounterfactualModule, problems: list[str]) -> None:
        pl_module.summary["quality"]["problems"] += problems
        if trainer.is_global_zero:
            for problem in problems:
                print(f"Do not trust these pictures yet: {problem}")

    def problems(self, quality: dict[str, float]) -> list[str]:
        """What is not good enough, a sentence each."""
        problems = []
        if not (error := quality["reconstruction_error"]) <= self.max_reconstruction:
            problems.append(
                f"the chart does not give an image back: decode(encode(x)) is off by {error:.3f} of the grey range on "
                f"average ({self.max_reconstruction} is allowed). Train it longer, or let it take more steps"
            )
        if not (share := quality.get("fid_share", 0.0)) <= self.max_fid_share:
            problems.append(
                f"what the chart draws is not like the data: its samples' distance from held-out images is {share:.0%} "
                f"of the spread of these ({self.max_fid_share:.0%} is allowed). Train it longer or wider, on more "
                "images, or on smaller ones"
            )
        return problems

    def oracle_problems(self, accuracies: dict[str, float], share: float) -> list[str]:
        """The oracles that know too little to judge; ``share`` is the largest class's."""
        needed = share + self.min_oracle * (1 - share)
        return [
            f"the oracle {name!r} is right on {accuracy:.0%} of the originals, and {share:.0%} have the largest "
            f"class: its agreement says little ({needed:.0%} is asked). Train a better one"
            for name, accuracy in accuracies.items()
            if not accuracy >= needed
        ]

    def value_problems(self, errors: dict[str, float], spread: float) -> list[str]:
        """The oracles of values that know too little; ``spread`` is the values' standard deviation."""
        allowed = (1 - self.min_oracle) * spread
        return [
            f"the oracle {name!r} is off by {error:.2g} on the originals, whose values spread by {spread:.2g}: what it "
            f"says means little ({allowed:.2g} is allowed). Train a better one"
            for name, error in errors.items()
            if not error <= allowed
        ]


def _own(numbers: dict[str, Any], kind: str) -> dict[str, float]:
    """Oracle → what it is worth on the originals themselves."""
    head = f"oracle_own_{kind}/"
    return {k.removeprefix(head): v for k, v in numbers.items() if k.startswith(head)}


def chart_encodings(chart: Chart, x: Tensor, over: Over = iter) -> Tensor:
    """z of N×D, in parts that fit, which ``over`` goes through."""
    return torch.cat([chart.encode(part) for part in over(x.split(BATCH))])


def decoded(chart: Chart, z: Tensor, over: Over = iter) -> Tensor:
    """x of N×``shape``, in parts that fit, which ``over`` goes through."""
    return torch.cat([chart.decode(part) for part in over(z.split(BATCH))])


def distances(
    chart: Chart, extractor: nn.Module, held_out: Tensor, train: Tensor, over: Over = iter
) -> dict[str, float]:
    """FID of samples and of training images to held-out ones, as many of each; the first also by their spread."""
    z = chart.resampled(held_out, torch.Generator().manual_seed(0))
    samples = fid(extractor, decoded(chart, z, over).clamp(0, 1), held_out)
    spread = float(torch.cat([extractor(part) for part in held_out.split(BATCH)]).var(0).sum())
    return {"fid_samples": samples, "fid_real": fid(extractor, train, held_out), "fid_share": samples / spread}


def fid(extractor: nn.Module, images: Tensor, real: Tensor) -> float:
    """On this rank alone: every rank looks at the same images, and to sum over ranks would count them several times."""
    metric = FID(extractor, tuple(real.shape[1:]), sync_on_compute=False).to(real.device)
    for part, other in zip(images.split(BATCH), real.split(BATCH), strict=True):
        metric.update(part, real=False)
        metric.update(other, real=True)
    return float(metric.compute())


def _first(split: Any, n: int, device: torch.device) -> Tensor:
    """n images of a split, chosen by seed."""
    chosen = torch.randperm(len(split), generator=torch.Generator().manual_seed(0))[:n]
    return split.__getitems__(chosen.tolist())["x"].to(device)
