"""Whether counterfactuals look like real samples of the classes that they were to become."""

from collections.abc import Callable
from functools import partial

import numpy as np
import torch
from pytorch_lightning import Callback, Trainer
from torch import Tensor, nn

from callbacks.cache import cached
from callbacks.identity import weights_hash
from callbacks.logs import log_scalars
from callbacks.naming import scalar
from datamodules import DataModule
from datamodules.base import Split, SplitName
from lightning_modules import ClassifierModule, CounterfactualModule, Explanation, load
from metrics import FeatureBank, FrechetDistance, KernelDistance, Nearest, half_sampling_interval, label_share
from networks.errors import InputError
from networks.features import Features

SHOWN = 3  # neighbours that a report can show
BATCH = 256
Distance = Callable[[Tensor], float]


class Realism(Callback):
    """Distances to real samples, in pixels and in the features of an injected network.

    Over the flipped of each result, against the real samples of the classes that were searched for:
    ``fid`` and ``kid`` in the pooled features, ``spatial_fid`` in the feature maps, where the network has
    any. For every row the columns ``feature_distance`` (‖φ(x′) − φ(x)‖), ``neighbours`` (the share of the
    k nearest real samples that have the target's label; where labels are values, their mean), by the
    Euclidean norm in pixels as in Dombrowski et al., IV.B.3, and ``neighbour_1`` … (positions of the nearest in
    the reference split).

    The reference's features are computed once for a network and a split, and cached.

    Args:
        extractor: checkpoint of a ``ClassifierModule``, or any network with ``features`` and
            ``num_features``, such as ``TimmModel``. It should be neither the explained predictor, whose
            features the control attacks, nor an oracle.
        reference: split of the real samples.
        most: real samples to compare with, at most, drawn by seed.
        k: neighbours to look at; ``None`` for the papers' 10, or 3 where labels are values.
    """

    def __init__(
        self, extractor: str | nn.Module, reference: SplitName = "train", most: int = 20_000, k: int | None = None
    ) -> None:
        if k is not None and k < 1:
            raise InputError(f"k, the number of neighbours to look at, must be positive; got {k}")
        network = load(extractor, ClassifierModule).network if isinstance(extractor, str) else extractor
        self.extractor = Features(network)
        self.reference, self.most, self.k = reference, most, k

    @torch.no_grad()
    def on_predict_start(self, trainer: Trainer, pl_module: CounterfactualModule) -> None:  # type: ignore[override]
        data: DataModule = trainer.datamodule  # type: ignore[attr-defined]  # Lightning attaches it at run time
        split = data.split(self.reference)
        self.classes = data.task == "classification"
        self.neighbours = min(self.k or (10 if self.classes else 3), len(split))
        self.device = pl_module.device
        self.extractor.to(self.device)
        chosen = torch.randperm(len(split), generator=torch.Generator().manual_seed(0))[: self.most]
        self.positions, self.labels = chosen, split.y[chosen]
        self.nearest = Nearest(torch.cat([split.__getitems__(part.tolist())["x"] for part in chosen.split(BATCH)]))
        self.features = cached(trainer, "features", self._depends_on(split), lambda: self._embed_all(split))
        self.banks = {
            name: {kind: FeatureBank(real.shape[1]).to(self.device) for kind, real in self.features.items()}
            for name in pl_module.searches
        }
        for banks in self.banks.values():
            for bank in banks.values():  # a rank that nothing flips on still takes part
                bank.update(torch.zeros(0, bank.dim, device=self.device))
        self.wanted = torch.zeros(data.num_classes if self.classes else 0, device=self.device)
        pl_module.listeners.append(self._update)

    def _depends_on(self, split: Split) -> list[str]:
        return [weights_hash(self.extractor), split.fingerprint(), str(self.most)]

    def _embed_all(self, split: Split) -> dict[str, Tensor]:
        parts = [self._embed(split.__getitems__(part.tolist())["x"]) for part in self.positions.split(BATCH)]
        return {kind: torch.cat([part[kind] for part in parts]) for kind in parts[0]}

    def _embed(self, x: Tensor) -> dict[str, Tensor]:
        pooled, spatial = self.extractor.with_maps(x.to(self.device))
        return {"pooled": pooled, "spatial": spatial} if spatial.shape[1] else {"pooled": pooled}

    @torch.no_grad()
    def _update(self, explanation: Explanation) -> None:
        cf, columns = explanation.counterfactuals, explanation.columns
        parts = [self._embed(part) for part in cf.counterfactual.split(BATCH)]
        features = {kind: torch.cat([part[kind] for part in parts]) for kind in parts[0]}
        originals = torch.cat([self.extractor(part.to(self.device)) for part in cf.x.split(BATCH)])
        columns["feature_distance"] = (features["pooled"] - originals).norm(dim=1).cpu()
        for kind, bank in self.banks[explanation.name].items():
            bank.update(features[kind][cf.flipped.to(self.device)])
        found = self.nearest(cf.counterfactual, self.neighbours).positions
        labels = self.labels[found]
        columns["neighbours"] = label_share(labels, cf.target) if self.classes else labels.float().mean(1)
        for i in range(min(SHOWN, self.neighbours)):
            columns[f"neighbour_{i + 1}"] = self.positions[found[:, i]]
        if self.classes:
            self.wanted[cf.target.to(self.device)] = 1

    @torch.no_grad()
    def on_predict_epoch_end(self, trainer: Trainer, pl_module: CounterfactualModule) -> None:  # type: ignore[override]
        wanted = (trainer.strategy.reduce(self.wanted, reduce_op="sum") > 0).cpu()
        rows = wanted[self.labels] if self.classes else slice(None)
        distances = self._distances({kind: features[rows] for kind, features in self.features.items()})
        values: dict[str, float] = {}
        for name, banks in self.banks.items():  # on every rank: to gather is everybody's work
            fake = {kind: bank.compute().cpu() for kind, bank in banks.items()}
            measured = {
                key: half_sampling_interval(partial(_of_rows, distance, fake[kind]), len(fake[kind]))
                for key, (kind, distance) in distances.items()
            }
            values |= {scalar(name, key): value for key, (value, _, _) in measured.items()}
            pl_module.summary[scalar(name, "intervals")] = {
                **pl_module.summary.get(scalar(name, "intervals"), {}),
                **{key: [low, high] for key, (_, low, high) in measured.items()},
            }
        pl_module.summary.update(values)
        log_scalars(trainer, {f"cf/{name}": v for name, v in values.items()})

    @staticmethod
    def _distances(real: dict[str, Tensor]) -> dict[str, tuple[str, Distance]]:
        """Name of the number → kind of the features, and the distance to the real ones."""
        pooled = real["pooled"]
        distances: dict[str, tuple[str, Distance]] = {
            "fid": ("pooled", FrechetDistance(pooled)),
            "kid": ("pooled", KernelDistance(pooled)),
        }
        if "spatial" in real:
            distances["spatial_fid"] = ("spatial", FrechetDistance(real["spatial"]))
        return distances


def _of_rows(distance: Distance, features: Tensor, rows: np.ndarray) -> float:
    return distance(features[torch.from_numpy(rows)])
