"""Whether counterfactuals look like real samples of the classes that they were to become."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from pytorch_lightning import Callback, Trainer
from safetensors.torch import save
from torch import Tensor, nn

from callbacks.measures.held_out import BATCH, HeldOut
from callbacks.progress import Over, tracking
from callbacks.ranks import rank_zero_first
from callbacks.staging import results_folder
from callbacks.tracking.logs import log_scalars
from datamodules import DataModule
from datamodules.base import SPLITS, Split, SplitName
from lightning_modules import CounterfactualModule, Explanation, load_predictor
from metrics import (
    FeatureBank,
    FrechetDistance,
    KernelDistance,
    Nearest,
    Recognised,
    class_weights,
    half_sampling_interval,
    in_proportion,
    label_share,
)
from metrics.realism.feature_bank import GatheredFeatures
from networks.checks import whole
from networks.errors import InputError
from networks.features import Features
from networks.files import write_atomically
from networks.fingerprint import fingerprint
from results.cache import cached
from results.naming import CONTROLS, column, scalar

SHOWN = 3  # neighbours that a report can show
Distance = Callable[[Tensor], float]


class Realism(Callback):
    """Distances to real samples, in pixels and in the features of an injected network.

    Over the flipped of each result, against real samples whose classes count in the proportions of these rows'
    targets: ``fid`` and ``kid`` in the pooled features, ``spatial_fid`` in the feature maps, where the network has
    any. Beside each its noise floor, ``fid_floor`` …: the same distance of as many real samples, of the same
    classes, from the splits that are no reference. Of fewer, where these have not so many (``rows`` says how many),
    and then a floor that is too high.

    For every row the columns ``feature_distance`` (‖φ(x′) − φ(x)‖), ``neighbours`` (the share of the
    k nearest real samples that have the target's label; where labels are values, their mean), by the
    Euclidean norm in pixels as in Dombrowski et al., IV.B.3, and ``neighbour_1`` … (positions of the nearest in
    the reference split); of images also ``recognised`` (1 where x′ is more like its own original than like any of the
    real samples, otherwise 0; ``metrics.Recognised``).

    The reference's features are computed once for a network and a split, and cached.

    Args:
        extractor: checkpoint of a ``ClassifierModule`` or ``RegressorModule``, or any network with ``features`` and
            ``num_features``, such as ``TimmModel``. It should be neither the explained predictor, whose
            features the control attacks, nor an oracle. ``None`` for the neighbours alone.
        reference: split of the real samples; those that are explained are left out.
        most: real samples to compare with, at most, drawn by seed; they are held in memory.
        k: neighbours to look at; ``None`` for the papers' 10, or 3 where labels are values.

    Raises:
        InputError: k below 1, a checkpoint that cannot be used; as predict begins, features of real samples that are
            not finite, or no real sample that is not explained. Where those of a counterfactual are not finite,
            ``fid``, ``kid`` and ``spatial_fid`` are NaN.
    """

    def __init__(
        self,
        extractor: str | nn.Module | None = None,
        reference: SplitName = "train",
        most: int = 10_000,
        k: int | None = None,
    ) -> None:
        InputError.collect(whole(1, most=most))
        if k is not None and whole(1, k=k):
            raise InputError(f"k, the number of neighbours to look at, must be positive; got {k}")
        network = load_predictor(extractor) if isinstance(extractor, str) else extractor
        self.checkpoints = {"features": extractor} if isinstance(extractor, str) else {}
        self.extractor = None if network is None else Features(network)
        self.reference, self.most, self.k = reference, most, k

    @torch.no_grad()
    def on_predict_start(self, trainer: Trainer, pl_module: CounterfactualModule) -> None:  # type: ignore[override]
        data: DataModule = trainer.datamodule  # type: ignore[attr-defined]  # Lightning attaches it at run time
        pl_module.checkpoints |= self.checkpoints
        split = data.split(self.reference)
        chosen = self._chosen(data, split)
        self.positions, self.labels = chosen, split.y[chosen]
        self.classes, self.num_classes = data.task == "classification", data.num_classes
        self.neighbours = min(self.k or (10 if self.classes else 3), len(chosen))
        self.nearest = Nearest(torch.cat([split.__getitems__(part.tolist())["x"] for part in chosen.split(BATCH)]))
        pl_module.listeners.append(self._find_neighbours)
        self.recognised = Recognised(self.nearest.references) if len(data.shape) == 3 else None
        if len(data.shape) == 3:
            folder = results_folder(trainer)
            pl_module.finishers.append(lambda table, result: self._save_shown(table, result, split, folder))
        if self.extractor is not None:
            self._prepare_features(trainer, pl_module, self.extractor.to(pl_module.device), split)
            self.held_out = HeldOut([data.split(name) for name in SPLITS if name != self.reference], self._class_of)

    def _chosen(self, data: DataModule, split: Split) -> Tensor:
        """Positions of the real samples to compare with: what is explained is not its own neighbour."""
        drawn = torch.randperm(len(split), generator=torch.Generator().manual_seed(0))
        if data.predict_split == self.reference:
            drawn = drawn[~torch.isin(drawn, data.predict_selection().positions)]
        if not len(drawn):
            raise InputError(
                f"--data.predict_split {self.reference} explains all {len(split)} samples that Realism compares with, "
                "and none is compared with itself: explain fewer, with --data.predict_limit, or give Realism another "
                "reference split"
            )
        return drawn[: self.most]

    def _class_of(self, labels: Tensor) -> Tensor:
        """Classes, int64; where labels are values, one for all."""
        return labels if self.classes else torch.zeros(len(labels), dtype=torch.int64)

    def _find_neighbours(self, explanation: Explanation) -> None:
        cf, columns = explanation.counterfactuals, explanation.columns
        found = self.nearest(cf.counterfactual, self.neighbours).positions
        labels = self.labels[found]
        columns["neighbours"] = label_share(labels, cf.target) if self.classes else labels.float().mean(1)
        for i in range(min(SHOWN, self.neighbours)):
            columns[f"neighbour_{i + 1}"] = self.positions[found[:, i]]
        if self.recognised is not None:
            columns["recognised"] = self.recognised(cf.counterfactual, cf.x).float()

    @staticmethod
    def _save_shown(table: pd.DataFrame, result: str, split: Split, folder: Path) -> pd.DataFrame:
        """``neighbours.safetensors``, for the report: ``positions`` and ``images`` (uint8) of the nearest."""
        if not result:
            columns = [column(name, f"neighbour_{i + 1}") for name in ("", *CONTROLS) for i in range(SHOWN)]
            positions = np.unique(table[[c for c in columns if c in table]].to_numpy())
            x = [split.__getitems__(part.tolist())["x"] for part in torch.from_numpy(positions).split(BATCH)]
            tensors = {"positions": torch.from_numpy(positions), "images": (torch.cat(x) * 255).round().byte()}
            write_atomically(folder / "neighbours.safetensors", lambda file: file.write_bytes(save(tensors)))
        return table

    def _prepare_features(
        self, trainer: Trainer, pl_module: CounterfactualModule, extractor: Features, split: Split
    ) -> None:
        def embed_reference() -> dict[str, Tensor]:
            x = [split.__getitems__(part.tolist())["x"] for part in self.positions.split(BATCH)]
            over = tracking(trainer, "realism: features of real images")
            return embed(extractor, torch.cat(x), pl_module.device, over)

        depends_on = [fingerprint(extractor, self.positions), split.fingerprint()]
        self.features = rank_zero_first(trainer, lambda: cached("features", depends_on, embed_reference))
        if bad := int((~torch.cat([*self.features.values()], 1).isfinite().all(1)).sum()):
            raise InputError(
                f"Realism: the extractor's features of {bad} of the {len(self.positions)} real samples are not finite: "
                "train it again, or take another"
            )
        self.banks = {
            name: {kind: FeatureBank(real.shape[1]).to(pl_module.device) for kind, real in self.features.items()}
            for name in pl_module.searches
        }
        for banks in self.banks.values():
            for bank in banks.values():  # a rank that nothing flips on still takes part
                nothing = torch.zeros(0, bank.dim, device=pl_module.device)
                bank.update(nothing, nothing.new_zeros(0, 2, dtype=torch.int64))
        counts = torch.zeros(self.num_classes if self.classes else 1, dtype=torch.int64, device=pl_module.device)
        self.counts = {name: counts.clone() for name in pl_module.searches}
        pl_module.listeners.append(lambda explanation: self._add_features(explanation, extractor, pl_module.device))

    def _add_features(self, explanation: Explanation, extractor: Features, device: torch.device) -> None:
        cf = explanation.counterfactuals
        features, originals = embed(extractor, cf.counterfactual, device), embed(extractor, cf.x, device)
        explanation.columns["feature_distance"] = (features["pooled"] - originals["pooled"]).norm(dim=1).cpu()
        keys, flipped = torch.stack([explanation.index, explanation.number], 1).to(device), cf.flipped.to(device)
        for kind, bank in self.banks[explanation.name].items():
            bank.update(features[kind][flipped], keys[flipped])
        targets = self._class_of(cf.target[cf.flipped])
        self.counts[explanation.name] += torch.bincount(targets, minlength=len(self.counts[explanation.name])).to(
            device
        )

    @torch.no_grad()
    def on_predict_epoch_end(self, trainer: Trainer, pl_module: CounterfactualModule) -> None:  # type: ignore[override]
        if self.extractor is None:
            return
        counts = {name: trainer.strategy.reduce(of, reduce_op="sum").cpu() for name, of in self.counts.items()}
        held_out = self.held_out.features(list(counts.values()), partial(self._embed, device=pl_module.device))
        for name, banks in self.banks.items():  # on every rank: to gather is everybody's work
            fake = {kind: bank.compute() for kind, bank in banks.items()}
            self._measure(trainer, pl_module, name, fake, counts[name], held_out)

    def _embed(self, x: Tensor, device: torch.device) -> dict[str, Tensor]:
        assert self.extractor is not None
        return {kind: features.cpu() for kind, features in embed(self.extractor, x, device).items()}

    def _measure(
        self,
        trainer: Trainer,
        pl_module: CounterfactualModule,
        name: str,
        fake: dict[str, GatheredFeatures],
        counts: Tensor,
        held_out: tuple[Tensor, dict[str, Tensor]],
    ) -> None:
        """One result's distances and their floors, into the summary and the logs."""
        values, intervals, rows = dict[str, float](), dict[str, list[float]](), dict[str, int]()
        chosen = in_proportion(held_out[0], counts)
        for key, (kind, distance) in self._distances(counts).items():
            features, images = fake[kind].features.cpu(), fake[kind].keys[:, 0].cpu()
            values[key], *intervals[key] = half_sampling_interval(partial(_of_rows, distance, features), images)
            values[f"{key}_floor"] = distance(held_out[1][kind][chosen]) if len(chosen) else float("nan")
            rows |= {key: len(features), f"{key}_floor": len(chosen)}
        pl_module.summary.setdefault(scalar(name, "intervals"), {}).update(intervals)
        pl_module.summary.setdefault(scalar(name, "rows"), {}).update(rows)
        pl_module.summary.update({scalar(name, key): value for key, value in values.items()})
        log_scalars(trainer, {f"cf/{scalar(name, key)}": value for key, value in values.items()})

    def _distances(self, counts: Tensor) -> dict[str, tuple[str, Distance]]:
        """Name of the number → kind of the features, and the distance to the real ones, classes in proportion."""
        weights = class_weights(self._class_of(self.labels), counts)
        there = weights > 0
        real, weights = {kind: features[there] for kind, features in self.features.items()}, weights[there]
        distances: dict[str, tuple[str, Distance]] = {
            "fid": ("pooled", FrechetDistance(real["pooled"], weights)),
            "kid": ("pooled", KernelDistance(real["pooled"], weights)),
        }
        if "spatial" in real:
            distances["spatial_fid"] = ("spatial", FrechetDistance(real["spatial"], weights))
        return distances


@torch.no_grad()
def embed(extractor: Features, x: Tensor, device: torch.device, over: Over = iter) -> dict[str, Tensor]:
    """N×``shape`` → "pooled" features N×d, and "spatial" ones where the network has feature maps."""
    parts = [extractor.with_maps(part.to(device)) for part in over(x.split(BATCH))]
    pooled, spatial = (torch.cat(kind) for kind in zip(*parts, strict=True))
    return {"pooled": pooled, **({"spatial": spatial} if spatial.shape[1] else {})}


def _of_rows(distance: Distance, features: Tensor, rows: np.ndarray) -> float:
    return distance(features[torch.from_numpy(rows)])
