"""Training what sees attributes in images."""

from collections.abc import Sequence
from typing import Any

import torch
from pytorch_lightning.cli import LRSchedulerCallable, OptimizerCallable
from torch import Tensor, nn
from torchmetrics import MeanMetric

from counterfactuals.call import call
from counterfactuals.freeze import frozen
from lightning_modules.task import Task, shape_problem
from networks.attributes import AttributeUnits
from networks.errors import InputError
from networks.placement import blank


class AttributesModule(Task):
    """A network x → B×A that says of every attribute whether it is there, or how much of it (``AttributeUnits``).

    Attributes do not exclude each other: a logit for each binary one, (a − centre) / scale for each measured one.
    Validated are the loss, ``accuracy`` (mean over the binary attributes) and ``accuracy/NAME``, and of measured ones
    ``error/NAME``, the mean distance in the attribute's own unit.

    Args:
        network: such as ``CNN`` with ``num_classes`` as the number of attributes.
        attributes: their names; ``[]`` in a config for those of the data.
        optimizer, scheduler: see ``Task``.
    """

    def __init__(
        self,
        network: nn.Module,
        attributes: Sequence[str],
        optimizer: OptimizerCallable = torch.optim.Adam,
        scheduler: LRSchedulerCallable | None = None,
    ) -> None:
        super().__init__(optimizer, scheduler)
        self.save_hyperparameters()
        self.save_plain_hyperparameters()
        self.network, self.units = network, AttributeUnits(attributes)
        names = [*self.units.names, "mean"]
        self.means = nn.ModuleDict(
            {f"{stage}_{i}": MeanMetric("ignore") for stage in ("val", "test") for i in range(len(names))}
        )

    def forward(self, x: Tensor) -> Tensor:
        return self.network(x)

    def on_fit_start(self) -> None:
        super().on_fit_start()
        self.units.learn(self.trainer.datamodule.split("train").attributes)  # type: ignore[attr-defined]

    def training_step(self, batch: dict[str, Tensor], batch_idx: int) -> Tensor:
        loss = self.units.loss(self(batch["x"]), batch["attributes"]).mean()
        self.log("train/loss", loss, batch_size=len(batch["x"]))
        return loss

    def _evaluate(self, batch: dict[str, Tensor], stage: str) -> None:
        said, a, units, n = self(batch["x"]), batch["attributes"], self.units, len(batch["x"])
        self.log(f"{stage}/loss", units.loss(said, a).mean(), batch_size=n, sync_dist=True)
        right, off = ((said > 0) == (a > 0.5)).float(), (units.read(said) - a).abs()
        for i, (name, binary) in enumerate(zip(units.names, units.binary.tolist(), strict=True)):
            self._log(
                f"{stage}_{i}", f"{stage}/{'accuracy' if binary else 'error'}/{name}", (right if binary else off)[:, i]
            )
        if units.binary.any():
            self._log(f"{stage}_{len(units.names)}", f"{stage}/accuracy", right[:, units.binary], prog_bar=True)

    def _log(self, key: str, name: str, values: Tensor, prog_bar: bool = False) -> None:
        mean: Any = self.means[key]  # a ModuleDict forgets its modules' class
        mean.update(values)
        self.log(name, mean, batch_size=len(values), prog_bar=prog_bar)

    def validation_step(self, batch: dict[str, Tensor], batch_idx: int) -> None:
        self._evaluate(batch, "val")

    def test_step(self, batch: dict[str, Tensor], batch_idx: int) -> None:
        self._evaluate(batch, "test")

    def problems_with(self, datamodule: Any) -> list[str]:
        return (
            shape_problem("the network", getattr(self.network, "shape", None), datamodule)
            or attribute_problems(self.units.names, datamodule)
            or self._problem_of_output(datamodule)
        )

    def _problem_of_output(self, datamodule: Any) -> list[str]:
        """Try the network on one blank sample."""
        try:
            with frozen(self.network), torch.no_grad():
                said = call(self.network, blank(self.network, datamodule.shape))
        except InputError as error:
            return [str(error)]
        if said.ndim == 2 and said.shape[1] == len(self.units.names):
            return []
        return [
            f"the network returns {tuple(said.shape[1:])} numbers an image, but there are {len(self.units.names)} "
            f"attributes: set model.network.init_args.num_classes to {len(self.units.names)}"
        ]


def attribute_problems(names: Sequence[str], datamodule: Any) -> list[str]:
    """The sentence on attributes that the data does not have, or has in another order."""
    if (own := tuple(datamodule.attribute_names)) == tuple(names):
        return []
    kind = type(datamodule).__name__
    if not own:
        return [f"the model is for attributes, and {kind} gives none: name them with --data.attributes"]
    return [f"the model is for the attributes {', '.join(names)}; {kind} gives {', '.join(own)}: --data.attributes"]
