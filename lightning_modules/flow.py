"""Training a normalizing flow."""

from collections.abc import Callable
from typing import Any

import torch
from pytorch_lightning.cli import LRSchedulerCallable, OptimizerCallable
from torch import Tensor

from counterfactuals.charts.flow import FlowChart
from lightning_modules.task import Task, shape_problem
from metrics import bits_per_dim
from networks.checks import not_negative
from networks.errors import InputError
from networks.flows import Flow, dequantize


class FlowModule(Task):
    """Maximum likelihood: minimise −log q(x̃) of the dequantised data (Dombrowski et al., eq. 7).

    Args:
        flow: the diffeomorphism, with ``levels`` grey values (``None`` for continuous data).
        noise: standard deviation of Gaussian noise on continuous data in training. Points that lie
            exactly on a curve have no density, and their likelihood no bound: the noise gives the
            manifold the thickness δ of the paper (eq. 1).
        optimizer, scheduler, warmup_steps: see ``Task``.
        compiled: train through ``torch.compile``. Compiling takes minutes, once; it pays in trainings of
            hours (docs/results/speed.md).

    A conditional flow is given the labels ``y`` as its condition.
    """

    def __init__(
        self,
        flow: Flow,
        noise: float = 0.0,
        optimizer: OptimizerCallable = torch.optim.Adam,
        scheduler: LRSchedulerCallable | None = None,
        warmup_steps: int = 0,
        compiled: bool = False,
    ) -> None:
        super().__init__(optimizer, scheduler, warmup_steps)
        self.save_hyperparameters()
        self.save_plain_hyperparameters()
        InputError.collect(not_negative(noise=noise))
        self.flow = flow
        self.noise = noise
        self.compiled = compiled
        self._fast_log_prob: Callable[..., Tensor] | None = None

    def forward(self, x: Tensor, condition: Tensor | None = None) -> Tensor:
        """Bits per dimension of every sample of x, B; x as ``flow`` takes it (dequantised)."""
        log_prob = self._fast_log_prob if self.training and self._fast_log_prob else self.flow.log_prob
        return bits_per_dim(log_prob(x, condition), self.flow.dim, self.flow.levels, self.flow.n_bits)

    def chart(self) -> FlowChart:
        """The flow as coordinates for a search.

        Raises:
            InputError: the flow is conditional: it has other coordinates for every class.
        """
        return flow_chart(self.flow)

    def sample(self, n: int, temperature: float = 1.0, generator: torch.Generator | None = None) -> Tensor:
        """n samples of the flow, n×``shape``; of a conditional one the classes 0, 1, … in turn."""
        return flow_samples(self.flow, n, temperature, generator)

    def _condition(self, batch: dict[str, Tensor]) -> Tensor | None:
        return batch["y"] if self.flow.num_conditions else None

    def _noisy(self, x: Tensor, seed: int | None = None) -> Tensor:
        if self.flow.levels is None:
            return x + self.noise * torch.randn(x.shape, generator=seeded(x, seed), device=x.device)
        return dequantized(self.flow, x, seed)

    def on_train_batch_start(self, batch: Any, batch_idx: int) -> None:
        super().on_train_batch_start(batch, batch_idx)
        # Not the first batch: it starts layers such as ActNorm, in code that never runs again.
        if self.compiled and self._fast_log_prob is None and self.global_step:
            self._fast_log_prob = torch.compile(self.flow.log_prob, dynamic=False)

    def training_step(self, batch: dict[str, Tensor], batch_idx: int) -> Tensor:
        bpd = self(self._noisy(batch["x"]), self._condition(batch)).mean()
        self.log("train/bpd", bpd, batch_size=len(batch["x"]))
        return bpd

    def _evaluate(self, batch: dict[str, Tensor], batch_idx: int, stage: str) -> None:
        # The same noise in every epoch: otherwise the best checkpoint is the luckiest.
        bpd = self(self._noisy(batch["x"], seed=batch_idx), self._condition(batch)).mean()
        self.log(f"{stage}/bpd", bpd, prog_bar=True, batch_size=len(batch["x"]), sync_dist=True)
        self.log(f"{stage}/loss", bpd, batch_size=len(batch["x"]), sync_dist=True)

    def validation_step(self, batch: dict[str, Tensor], batch_idx: int) -> None:
        self._evaluate(batch, batch_idx, "val")

    def test_step(self, batch: dict[str, Tensor], batch_idx: int) -> None:
        self._evaluate(batch, batch_idx, "test")

    def problems_with(self, datamodule: Any) -> list[str]:
        return shape_problem("the flow", self.flow.shape, datamodule) + condition_problems(self.flow, datamodule)


def seeded(x: Tensor, seed: int | None) -> torch.Generator | None:
    """A generator where x is; without a seed the global one."""
    return None if seed is None else torch.Generator(x.device).manual_seed(seed)


def dequantized(flow: Flow, x: Tensor, seed: int | None = None) -> Tensor:
    """Images as the flow's likelihood takes them; continuous data as it is."""
    return x if flow.levels is None else dequantize(x, flow.levels, seeded(x, seed), flow.n_bits)


def flow_chart(flow: Flow) -> FlowChart:
    """See ``FlowModule.chart``."""
    if flow.num_conditions:
        raise InputError(
            "a class-conditional flow is no chart: it has other coordinates for every class, and the class is what "
            "a search changes. Train the flow with num_conditions: 0"
        )
    return FlowChart(flow)


def flow_samples(flow: Flow, n: int, temperature: float, generator: torch.Generator | None) -> Tensor:
    """n×``shape``; of a conditional flow the classes 0, 1, … in turn."""
    classes = flow.num_conditions
    return flow.sample(n, temperature, generator, torch.arange(n) % classes if classes else None)


def condition_problems(flow: Flow, datamodule: Any) -> list[str]:
    """What keeps a flow's conditions and grey values from working on the data module."""
    problems, conditions = [], flow.num_conditions
    if conditions and conditions != datamodule.num_classes:
        problems.append(
            f"the flow is conditional on {conditions} classes, but {type(datamodule).__name__} has "
            f"{datamodule.num_classes}: set num_conditions to {datamodule.num_classes}, or to 0"
        )
    levels = getattr(datamodule, "levels", None)
    if levels != flow.levels:
        problems.append(
            f"the flow is set to levels={flow.levels}, but {type(datamodule).__name__} has {levels} grey values: bits "
            f"per dimension would be wrong; set levels to {levels}, or to 0 for the data's"
        )
    return problems
