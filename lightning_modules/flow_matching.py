"""Training a continuous flow without integrating it."""

from typing import Any

import torch
from pytorch_lightning.cli import LRSchedulerCallable, OptimizerCallable
from torch import Tensor

from counterfactuals.charts.flow import FlowChart
from lightning_modules.flow import condition_problems, flow_chart, flow_samples
from lightning_modules.task import Task, shape_problem
from metrics import bits_per_dim
from networks.checks import positive
from networks.errors import InputError
from networks.flows import ContinuousFlow, dequantize

TRIED = 64  # validation images on which the number of steps is chosen
UNIFORM = 0.1  # of the times, drawn evenly


class FlowMatchingModule(Task):
    """Conditional flow matching on straight paths: minimise E‖v(xₜ, t) − (x₁ − x₀)‖², xₜ = (1 − t) x₀ + t x₁.

    Lipman et al. 2023 (arXiv 2210.02747), eq. 23 with σ_min = 0; Liu et al. 2023 (rectified flow), eq. 1.
    x₀ is noise and x₁ data; t is logit-normal (Esser et al. 2024, 3.1), as the middle of the way is the
    hardest to learn, but for a tenth (``times``). After every validation the flow takes as many solver steps as
    ``reconstruction_error`` needs; checkpoints keep the number.

    Args:
        flow: the continuous flow.
        reconstruction_error: root mean square of decode(encode(x)) − x that is asked for, in units of x.
        optimizer, scheduler, warmup_steps: see ``Task``.

    A conditional flow is given the labels ``y`` as its condition.
    """

    def __init__(
        self,
        flow: ContinuousFlow,
        reconstruction_error: float = 0.01,
        optimizer: OptimizerCallable = torch.optim.Adam,
        scheduler: LRSchedulerCallable | None = None,
        warmup_steps: int = 0,
    ) -> None:
        super().__init__(optimizer, scheduler, warmup_steps)
        self.save_hyperparameters()
        self.save_plain_hyperparameters()
        InputError.collect(positive(reconstruction_error=reconstruction_error))
        self.flow = flow
        self.reconstruction_error = reconstruction_error

    def forward(self, x: Tensor, condition: Tensor | None = None, generator: torch.Generator | None = None) -> Tensor:
        """Loss of every sample of x in [0, 1], B: the mean square over its entries."""
        x1 = self.flow.to_data(self._dequantized(x, generator))
        x0 = torch.randn(x.shape, generator=generator, device=x.device)
        t = times(len(x), x.device, generator)
        xt = torch.lerp(x0, x1, t.view(-1, *[1] * (x.ndim - 1)))
        return (self.flow.velocity(xt, t, condition) - (x1 - x0)).float().square().flatten(1).mean(1)

    def chart(self) -> FlowChart:
        """The flow as coordinates for a search; see ``FlowModule.chart``."""
        return flow_chart(self.flow)

    def sample(self, n: int, temperature: float = 1.0, generator: torch.Generator | None = None) -> Tensor:
        """n samples of the flow, n×``shape``; of a conditional one the classes 0, 1, … in turn."""
        return flow_samples(self.flow, n, temperature, generator)

    def _condition(self, batch: dict[str, Tensor]) -> Tensor | None:
        return batch["y"] if self.flow.num_conditions else None

    def _dequantized(self, x: Tensor, generator: torch.Generator | None) -> Tensor:
        return x if self.flow.levels is None else dequantize(x, self.flow.levels, generator)

    def training_step(self, batch: dict[str, Tensor], batch_idx: int) -> Tensor:
        loss = self(batch["x"], self._condition(batch)).mean()
        self.log("train/loss", loss, batch_size=len(batch["x"]))
        return loss

    def validation_step(self, batch: dict[str, Tensor], batch_idx: int) -> None:
        # The same noise in every epoch: otherwise the best checkpoint is the luckiest.
        generator = torch.Generator(self.device).manual_seed(batch_idx)
        loss = self(batch["x"], self._condition(batch), generator).mean()
        self.log("val/loss", loss, prog_bar=True, batch_size=len(batch["x"]), sync_dist=True)
        if batch_idx == 0:
            self._choose_steps(batch)

    def _choose_steps(self, batch: dict[str, Tensor]) -> None:
        """By the first images of rank zero's first batch, so that all ranks take the same number."""
        condition = self._condition(batch)
        x, condition = batch["x"][:TRIED], None if condition is None else condition[:TRIED]
        with torch.autocast(self.device.type, enabled=False):  # bfloat16 has three digits
            error = self.flow.choose_steps(x, self.reconstruction_error, condition)
        # A number: a tensor would come back on the sender's GPU, on every rank.
        self.flow.steps.fill_(self.trainer.strategy.broadcast(int(self.flow.steps)))
        self.log("val/reconstruction_error", error, batch_size=len(x), sync_dist=True)
        self.log("val/steps", float(self.flow.steps), batch_size=len(x), sync_dist=True)

    def test_step(self, batch: dict[str, Tensor], batch_idx: int) -> None:
        """Loss, reconstruction error, and bits per dimension by the flow's own estimate of the divergence."""
        x, condition = batch["x"], self._condition(batch)
        generator = torch.Generator(self.device).manual_seed(batch_idx)
        noisy = self._dequantized(x, generator)
        with torch.autocast(self.device.type, enabled=False):
            values = {
                "test/loss": self(x, condition, generator).mean(),
                "test/reconstruction_error": self.flow.reconstruction_error(x, condition),
                "test/bpd": bits_per_dim(self.flow.log_prob(noisy, condition), self.flow.dim, self.flow.levels).mean(),
            }
        self.log_dict(values, batch_size=len(x), sync_dist=True)

    def problems_with(self, datamodule: Any) -> list[str]:
        return shape_problem("the flow", self.flow.shape, datamodule) + condition_problems(self.flow, datamodule)


def times(n: int, device: torch.device, generator: torch.Generator | None = None) -> Tensor:
    """t in [0, 1], n: logit-normal, and a tenth of them uniform.

    The logit-normal has no density at 0 and 1, where every solver evaluates v: learned from it alone v is more than
    twice as wrong there as from uniform times, and a sixth less so with this tenth (docs/results/mnist.md).
    """
    t = torch.randn(n, generator=generator, device=device).sigmoid()
    even, which = torch.rand(2, n, generator=generator, device=device)
    return torch.where(which < UNIFORM, even, t)
