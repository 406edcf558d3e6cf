"""Gradient ascent in the coordinates of a chart."""

from typing import Any, Protocol

import torch
from torch import Tensor, nn

from counterfactuals.adam import Adam
from counterfactuals.charts import Chart
from counterfactuals.clip import straight_through_clip
from counterfactuals.objectives import Objective
from counterfactuals.result import Counterfactuals, Status
from networks.errors import InputError


class Method(Protocol):
    """A search: N starting points and targets → N counterfactuals."""

    def __call__(
        self, predictor: nn.Module, chart: Chart, objective: Objective, x: Tensor, target: Tensor
    ) -> Counterfactuals: ...


class RowOptimizer(Protocol):
    """How gradients become steps, with a state of its own for every row."""

    def start(self, z: Tensor) -> Any: ...

    def step(self, state: Any, rows: Tensor, grad: Tensor) -> Tensor: ...


class Ascent:
    """z ← z + Adam(∂ log f_t(g(z)) / ∂z) until f_t(g(z)) > Λ (Dombrowski et al., eq. 5 and algorithm 1).

    Every row has its own optimiser state and leaves the batch at its first hit (or ``extra_steps`` later),
    so a row's result does not depend on its neighbours.

    Args:
        step_size: η, in units of z.
        max_steps: steps after which a row times out; its best point so far is kept.
        clip: range that decoded samples are clipped to before the predictor sees them, gradient
            straight through; ``None`` for data without a range.
        keep_path: keep every visited point of x (memory: N·(steps + 1)·dim floats).
        optimizer: ``Adam`` as in the paper (the default), or ``Momentum``, which keeps the gradient's
            direction.
        extra_steps: steps that a row goes on after its first hit, from the decision boundary into the
            class; the last point that is a hit is kept, and they count in ``steps``.

    Raises:
        InputError: a step size or number of steps that is not positive.
    """

    def __init__(
        self,
        step_size: float = 0.05,
        max_steps: int = 1000,
        clip: tuple[float, float] | None = (0.0, 1.0),
        keep_path: bool = False,
        optimizer: RowOptimizer | None = None,
        extra_steps: int = 0,
    ) -> None:
        problems = [
            f"{name} must be positive; got {value}"
            for name, value in (("step_size", step_size), ("max_steps", max_steps))
            if not value > 0
        ]
        if extra_steps < 0:
            problems.append(f"extra_steps must not be negative; got {extra_steps}")
        InputError.collect(problems)
        self.step_size, self.max_steps, self.clip, self.keep_path = step_size, max_steps, clip, keep_path
        self.optimizer, self.extra_steps = optimizer or Adam(), extra_steps

    def __call__(
        self, predictor: nn.Module, chart: Chart, objective: Objective, x: Tensor, target: Tensor
    ) -> Counterfactuals:
        """Search from every row of x (N×``shape``, float32) for its ``target`` (N int64).

        ``predictor`` and ``chart`` are taken as they are: see ``explain`` for freezing them.
        """
        search = _Search(self, predictor, chart, objective, x, target)
        while len(search.active):
            search.step()
        return search.result()


class _Search:
    """The state of N searches, of which ``active`` are still under way."""

    def __init__(
        self, method: Ascent, predictor: nn.Module, chart: Chart, objective: Objective, x: Tensor, target: Tensor
    ) -> None:
        self.method, self.predictor, self.chart, self.objective = method, predictor, chart, objective
        self.x, self.target = x, target
        with torch.no_grad():
            logits = predictor(x)
            self.source = logits.argmax(1)
            self.source_confidence = objective.score(logits, target)
            self.z0 = chart.encode(x)
            self.reconstruction = straight_through_clip(chart.decode(self.z0), method.clip)
        self.z = self.z0.clone()
        self.state = method.optimizer.start(self.z)
        self.steps, self.first_hit = torch.zeros_like(target), torch.full_like(target, -1)
        self.status = torch.full_like(target, Status.TIMEOUT)
        self.reasons = [""] * len(x)
        # Best point so far; what is returned for a row that never hits.
        self.best_z, self.best_x = self.z0.clone(), self.reconstruction.clone()
        self.best_score = torch.full_like(self.source_confidence, -torch.inf)
        self.path: list[Tensor] = []
        self.active = self._start()

    def _start(self) -> Tensor:
        """Rows with something to search for, after setting the status of the others."""
        self.status[self.source == self.target] = Status.ALREADY_TARGET
        self.best_score[self.source == self.target] = self.source_confidence[self.source == self.target]
        everything = torch.arange(len(self.x), device=self.x.device)
        for where, value in (
            ("the input x", self.x),
            ("the predictor's logits of x", self.source_confidence),
            ("the chart's encoding of x", self.z0),
            ("the chart's reconstruction of x", self.reconstruction),
        ):
            self._fail(everything, _finite(value), where)
        return everything[self.status == Status.TIMEOUT]

    def step(self) -> None:
        """One gradient for every active row; those that hit, fail or run out of steps leave."""
        rows = self.active
        z = self.z[rows].requires_grad_()
        with torch.enable_grad():
            x = straight_through_clip(self.chart.decode(z), self.method.clip)
            logits = self.predictor(x)
            loss = self.objective.loss(logits, self.target[rows])
            (grad,) = torch.autograd.grad(loss.sum(), z)
        x = x.detach()
        score = self.objective.score(logits.detach(), self.target[rows])

        ok = self._fail(rows, _finite(x), "the decoded x") & self._fail(rows, _finite(score), "the predictor's logits")
        hit = ok & self.objective.reached(score)
        self._keep_best(rows, z.detach(), x, torch.where(ok, score, -torch.inf), hit)
        new = rows[hit & (self.status[rows] != Status.FLIPPED)]
        self.status[new], self.first_hit[new] = Status.FLIPPED, self.steps[new]
        done = (self.status[rows] == Status.FLIPPED) & (
            self.steps[rows] - self.first_hit[rows] >= self.method.extra_steps
        )
        ok &= done | self._fail(rows, done | _finite(grad), "the gradient")
        going = ok & ~done & (self.steps[rows] < self.method.max_steps)
        self._move(rows[going], grad[going])
        self.active = rows[going]
        if self.method.keep_path:
            last = self.path[-1] if self.path else self.reconstruction
            self.path.append(last.index_copy(0, rows, x))

    def _move(self, rows: Tensor, grad: Tensor) -> None:
        self.z[rows] += self.method.step_size * self.method.optimizer.step(self.state, rows, grad)
        self.steps[rows] += 1

    def _keep_best(self, rows: Tensor, z: Tensor, x: Tensor, score: Tensor, hit: Tensor) -> None:
        better = hit | (score > self.best_score[rows])
        kept = rows[better]
        self.best_z[kept], self.best_x[kept], self.best_score[kept] = z[better], x[better], score[better]

    def _fail(self, rows: Tensor, finite: Tensor, where: str) -> Tensor:
        """Mark the rows that are not finite as failed, with the first reason found; what has flipped stays so."""
        for row in rows[~finite].tolist():
            if self.status[row] not in (Status.FAILED, Status.FLIPPED):
                self.status[row] = Status.FAILED
                self.reasons[row] = f"{where} is not finite (step {int(self.steps[row])})"
        return finite

    def result(self) -> Counterfactuals:
        # A row that failed before its first score has no confidence but the one it came with.
        confidence = torch.where(self.best_score.isinf(), self.source_confidence, self.best_score)
        return Counterfactuals(
            x=self.x,
            reconstruction=self.reconstruction,
            counterfactual=self.best_x,
            z=self.z0,
            z_prime=self.best_z,
            source=self.source,
            target=self.target,
            source_confidence=self.source_confidence,
            confidence=confidence,
            steps=self.steps,
            status=self.status,
            reasons=tuple(self.reasons),
            path=torch.stack(self.path or [self.reconstruction], 1) if self.method.keep_path else None,
        )


def _finite(value: Tensor) -> Tensor:
    """Per row: are all entries finite? N bool."""
    return value.isfinite().flatten(1).all(1) if value.ndim > 1 else value.isfinite()
