"""Training a regressor, or an oracle of values."""

from typing import Any, Protocol, runtime_checkable

import torch
from pytorch_lightning.cli import LRSchedulerCallable, OptimizerCallable
from torch import Tensor, nn
from torchmetrics import MeanAbsoluteError, MeanSquaredError

from counterfactuals.call import call
from counterfactuals.freeze import frozen
from counterfactuals.goals.values import values
from lightning_modules.task import Task, shape_problem
from metrics import LocalisationF1, localise
from networks.checks import not_negative, positive
from networks.errors import InputError
from networks.placement import blank
from networks.unets.unet import Counted


@runtime_checkable
class Counter(Protocol):
    """A network whose value is a count, with a map of what it counted, such as ``UNet``."""

    def count_and_map(self, x: Tensor) -> Counted:
        """Both for B×C×H×W."""
        ...


class RegressorModule(Task):
    """A network x → values B, trained on float targets; one that counts also on a map of positions.

    Logs ``val/rmse`` and ``val/mae`` in the target's unit; at test ``test/f1`` too, of positions within
    ``radius`` (see ``metrics.localise``), for a network that counts and data with a ``map``.

    Args:
        network: ``UNet``, or any module that normalises inside itself and returns B or B×1.
        loss: (values, y) → scalar; smooth L1 unless given.
        map_loss: (map logits, points) → scalar, such as ``WeightedHausdorff`` or ``BlurredFocal``, for a network
            that counts; ``None`` for the value alone.
        map_weight: of the map's loss beside the value's.
        max_noise: largest standard deviation of Gaussian noise on x in training. Every image draws its own, evenly
            from 0: with one level for all, BatchNorm would know no clean image.
        radius: within which a found object counts as a true one, in pixels.
        optimizer, scheduler, warmup_steps: see ``Task``.
    """

    def __init__(
        self,
        network: nn.Module,
        loss: nn.Module | None = None,
        map_loss: nn.Module | None = None,
        map_weight: float = 1.0,
        max_noise: float = 0.0,
        radius: float = 5.0,
        optimizer: OptimizerCallable = torch.optim.Adam,
        scheduler: LRSchedulerCallable | None = None,
        warmup_steps: int = 0,
    ) -> None:
        super().__init__(optimizer, scheduler, warmup_steps)
        self.save_hyperparameters()
        self.save_plain_hyperparameters()
        InputError.collect(not_negative(map_weight=map_weight, max_noise=max_noise) + positive(radius=radius))
        self.network = network
        self.loss = loss or nn.SmoothL1Loss()
        self.map_loss, self.map_weight, self.max_noise = map_loss, map_weight, max_noise
        stages = ("val", "test")
        self.rmse = nn.ModuleDict({stage: MeanSquaredError(squared=False) for stage in stages})
        self.mae = nn.ModuleDict({stage: MeanAbsoluteError() for stage in stages})
        self.f1 = LocalisationF1(radius)

    def forward(self, x: Tensor) -> Tensor:
        """Values of B×``shape``, B."""
        return values(self.network(x), type(self).__name__)

    def training_step(self, batch: dict[str, Tensor], batch_idx: int) -> Tensor:
        x, n = batch["x"], len(batch["x"])
        x = self._noisy(x) if self.max_noise else x
        if self.map_loss is None:
            loss = self.loss(self(x), batch["y"])
        else:
            counted: Counted = self.network.count_and_map(x)  # type: ignore[operator]  # checked in problems_with
            on_map = self.map_loss(counted.map_logits, batch["map"])
            self.log("train/map_loss", on_map, batch_size=n)
            loss = self.loss(counted.counts, batch["y"]) + self.map_weight * on_map
        self.log("train/loss", loss, batch_size=n)
        return loss

    def _noisy(self, x: Tensor) -> Tensor:
        level = self.max_noise * torch.rand(len(x), *[1] * (x.ndim - 1), dtype=x.dtype, device=x.device)
        return x + level * torch.randn_like(x)

    def _evaluate(self, batch: dict[str, Tensor], predicted: Tensor, stage: str) -> None:
        n = len(predicted)
        errors: dict[str, Any] = {"rmse": self.rmse[stage], "mae": self.mae[stage]}  # a ModuleDict forgets their class
        for name, metric in errors.items():
            metric.update(predicted, batch["y"])
            self.log(f"{stage}/{name}", metric, prog_bar=name == "rmse", batch_size=n)
        self.log(f"{stage}/loss", self.loss(predicted, batch["y"]), batch_size=n, sync_dist=True)

    def validation_step(self, batch: dict[str, Tensor], batch_idx: int) -> None:
        self._evaluate(batch, self(batch["x"]), "val")

    def test_step(self, batch: dict[str, Tensor], batch_idx: int) -> None:
        if not isinstance(self.network, Counter) or "map" not in batch:
            self._evaluate(batch, self(batch["x"]), "test")
            return
        counted = self.network.count_and_map(batch["x"])
        self._evaluate(batch, counted.counts, "test")
        found = [localise(p[0], n) for p, n in zip(counted.map_logits.sigmoid(), counted.counts.tolist(), strict=True)]
        self.f1.update(found, [heads[0].nonzero().float() for heads in batch["map"]])
        self.log("test/f1", self.f1, batch_size=len(found))

    def problems_with(self, datamodule: Any) -> list[str]:
        if datamodule.task != "regression":
            return [
                f"a regressor needs values, and {type(datamodule).__name__} has class labels: train a ClassifierModule"
            ]
        problems = shape_problem("the network", getattr(self.network, "shape", None), datamodule)
        if self.map_loss is not None and not isinstance(self.network, Counter):
            problems.append(f"map_loss is for networks that count, and {type(self.network).__name__} has no map")
        if self.map_loss is not None and not getattr(datamodule, "has_map", False):
            problems.append(f"map_loss needs positions, and {type(datamodule).__name__} gives none: leave it out")
        return problems or self._problem_of_output(datamodule)

    def _problem_of_output(self, datamodule: Any) -> list[str]:
        """Try the network on one blank sample."""
        try:
            with frozen(self.network), torch.no_grad():
                values(call(self.network, blank(self.network, datamodule.shape)), "RegressorModule")
        except InputError as error:
            return [str(error)]
        return []
