"""Training a normalizing flow."""

from typing import Any

import torch
from pytorch_lightning.cli import LRSchedulerCallable, OptimizerCallable
from torch import Tensor

from counterfactuals.charts import FlowChart
from lightning_modules.task import Task, shape_problem
from metrics import bits_per_dim
from networks.flows import Flow, dequantize


class FlowModule(Task):
    """Maximum likelihood: minimise −log q(x̃) of the dequantised data (Dombrowski et al., eq. 7).

    Args:
        flow: the diffeomorphism, with ``levels`` grey values (``None`` for continuous data).
        noise: standard deviation of Gaussian noise on continuous data in training. Points that lie
            exactly on a curve have no density, and their likelihood no bound: the noise gives the
            manifold the thickness δ of the paper (eq. 1).
        optimizer, scheduler: see ``Task``.
    """

    def __init__(
        self,
        flow: Flow,
        noise: float = 0.0,
        optimizer: OptimizerCallable = torch.optim.Adam,
        scheduler: LRSchedulerCallable | None = None,
    ) -> None:
        super().__init__(optimizer, scheduler)
        self.save_hyperparameters()
        self.save_plain_hyperparameters()
        self.flow = flow
        self.noise = noise

    def forward(self, x: Tensor) -> Tensor:
        """Bits per dimension of every sample of x, B; x as ``flow`` takes it (dequantised)."""
        return bits_per_dim(self.flow.log_prob(x), self.flow.dim, self.flow.levels)

    def chart(self) -> FlowChart:
        """The flow as coordinates for a search."""
        return FlowChart(self.flow)

    def _noisy(self, x: Tensor, seed: int | None = None) -> Tensor:
        generator = None if seed is None else torch.Generator(x.device).manual_seed(seed)
        if self.flow.levels is None:
            return x + self.noise * torch.randn(x.shape, generator=generator, device=x.device)
        return dequantize(x, self.flow.levels, generator)

    def training_step(self, batch: dict[str, Tensor], batch_idx: int) -> Tensor:
        bpd = self(self._noisy(batch["x"])).mean()
        self.log("train/bpd", bpd, batch_size=len(batch["x"]))
        return bpd

    def _evaluate(self, batch: dict[str, Tensor], batch_idx: int, stage: str) -> None:
        # The same noise in every epoch: otherwise the best checkpoint is the luckiest.
        bpd = self(self._noisy(batch["x"], seed=batch_idx)).mean()
        self.log(f"{stage}/bpd", bpd, prog_bar=True, batch_size=len(batch["x"]), sync_dist=True)
        self.log(f"{stage}/loss", bpd, batch_size=len(batch["x"]), sync_dist=True)

    def validation_step(self, batch: dict[str, Tensor], batch_idx: int) -> None:
        self._evaluate(batch, batch_idx, "val")

    def test_step(self, batch: dict[str, Tensor], batch_idx: int) -> None:
        self._evaluate(batch, batch_idx, "test")

    def problems_with(self, datamodule: Any) -> list[str]:
        problems = shape_problem("the flow", self.flow.shape, datamodule)
        levels = getattr(datamodule, "levels", None)
        if levels != self.flow.levels:
            problems.append(
                f"the flow is set to levels={self.flow.levels}, but {type(datamodule).__name__} has {levels} grey "
                "values: bits per dimension would be wrong"
            )
        return problems
