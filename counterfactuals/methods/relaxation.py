"""Relaxing the posterior of a hierarchical autoencoder until what its prior expects of the target shows."""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from counterfactuals.charts.chart import Chart
from counterfactuals.charts.hierarchical import HierarchicalChart
from counterfactuals.engine import Problem, Stepped
from counterfactuals.methods.clip import as_image
from counterfactuals.methods.state import SearchState, begin, conclude, finite, keep
from counterfactuals.result import Counterfactuals
from counterfactuals.rows import scatter, take
from networks.autoencoders.hierarchical import condition_of_class
from networks.checks import not_negative, seeds, whole, within
from networks.errors import InputError

GRID = (1.0, 0.8, 0.6, 0.4, 0.2, 0.0)


class RelaxationState(NamedTuple):
    """n relaxations under way.

    Attributes:
        search: where they stand; ``steps`` counts passes.
        low: largest r that was a hit, −1 before there is one, n.
        high: smallest r above it that was none, n.
        path: x′ for every r of the grid, n×G×``shape``.
    """

    search: SearchState
    low: Tensor
    high: Tensor
    path: Tensor


class Relaxation:
    """do(ξ = target), and the posterior's differences Δ_k from the prior times r^κ, κ = 1, 2, 4, … from the top.

    Vercheval & Pižurica 2021, III-C: at r = 1 the posterior holds every level where it was, and changing the
    condition has little effect; at r = 0 the levels below the top lie at the prior's means, given those above, but
    for the noise: that remains the posterior's (its σ times ``temperature``, one draw for all rows), unless
    ``relax_variance`` makes its σ the prior's. In between lies the smallest relaxation, the largest r, that changes
    the classifier's mind: a grid of r is tried in one pass, and the last interval halved. (The paper prints r^κ on the
    prior, and does not say κ; its code has it on Δ, as its Fig. 2 and the limits r = 0 and 1 ask for.) The channels of
    z₀ that the condition moves are set to s·ξ. No gradient is needed.

    Args:
        grid: values of r in [0, 1] that are tried, in any order; their images are kept as the path, from the
            largest r to the smallest.
        rounds: halvings after the grid; 0 for none.
        temperature: of the noise, a factor of the posteriors' standard deviations; the paper divides them by 3.
        relax_variance: also of the differences of log σ.
        abduction: look at x under what the classifier says of it, and intervene only then (Pearl's abduction, action,
            prediction). The paper looks at it under the target: the encoder then sees an x that contradicts its
            condition, and writes the contradiction into z₀, against the change.
        seed: of the noise, the same for every row: a row's result does not depend on its batch.

    Raises:
        InputError: numbers out of their range; on use, a chart other than ``HierarchicalChart``.
    """

    needs_gradient = False

    def __init__(
        self,
        grid: Sequence[float] = GRID,
        rounds: int = 4,
        temperature: float = 1 / 3,
        relax_variance: bool = False,
        abduction: bool = False,
        seed: int = 0,
    ) -> None:
        problems = [f"every r of the grid must lie in [0, 1]; got {r}" for r in grid if within(0, 1, r=r)]
        problems += [] if grid else ["the grid must name at least one r, e.g. [1.0, 0.5, 0.0]"]
        problems += whole(0, rounds=rounds) + not_negative(temperature=temperature)
        InputError.collect(problems + seeds(seed=seed))
        self.grid, self.rounds = sorted(set(grid), reverse=True), rounds
        self.temperature, self.relax_variance, self.seed = temperature, relax_variance, seed
        self.abduction = abduction

    def check(self, chart: Chart) -> None:
        """Raise ``InputError`` unless the chart is a VAEX's."""
        if not isinstance(chart, HierarchicalChart):
            raise InputError(
                f"Relaxation needs the chart of a VAEX (a HierarchicalVAEModule's checkpoint), not a "
                f"{type(chart).__name__}: it relaxes the posterior of its levels"
            )

    def start(self, problem: Problem, x: Tensor, target: Tensor) -> Stepped:
        self.check(problem.chart)
        search, done = begin(problem, x, target, (0.0, 1.0), decode=True)
        r = torch.zeros(len(x), device=x.device)
        path = search.best_x[:, None].expand(-1, len(self.grid), *x.shape[1:]).contiguous()
        return Stepped(RelaxationState(search, r - 1, r + 1, path), done)

    @torch.no_grad()
    def step(self, problem: Problem, state: RelaxationState) -> Stepped:
        """The grid of the rows that have just started, or the middle of the interval of the others."""
        for rows, step in (
            ((state.search.steps == 0).nonzero()[:, 0], self._grid),
            ((state.search.steps > 0).nonzero()[:, 0], self._halve),
        ):
            if len(rows):
                state = scatter(state, rows, step(problem, take(state, rows)))
        search = state.search
        settled = (state.low < 0) | (state.low >= self.grid[0])  # nothing flips, or nothing needs relaxing
        done = settled | (search.steps > self.rounds) | (state.high - state.low < 1e-3)
        return Stepped(state, done)

    def result(self, problem: Problem, state: RelaxationState) -> Counterfactuals:
        return conclude(state.search, state.path, relaxation=torch.where(state.low < 0, torch.nan, state.low))

    def _grid(self, problem: Problem, state: RelaxationState) -> RelaxationState:
        n, g = len(state.low), len(self.grid)
        r = torch.tensor(self.grid, device=state.low.device)
        z, x = self.relax(problem, state.search, r.expand(n, g))
        search = take(state.search, torch.arange(n, device=r.device).repeat_interleave(g))
        hit, score, said = self._judge(problem, search, x.flatten(0, 1))
        hit, score, said = hit.view(n, g), score.view(n, g), said.view(n, g)
        # The first hit in the grid, which falls; without one the highest score.
        best = torch.where(hit.any(1), hit.long().argmax(1), score.argmax(1))
        rows = torch.arange(n, device=r.device)
        low = torch.where(hit.any(1), r[best], -1.0)
        high = torch.where(best > 0, r[(best - 1).clamp(min=0)], torch.ones_like(low))
        state = state._replace(low=low, high=high, path=x)
        return self._keep(state, hit.any(1), z[rows, best], x[rows, best], score[rows, best], said[rows, best])

    def _halve(self, problem: Problem, state: RelaxationState) -> RelaxationState:
        middle = 0.5 * (state.low + state.high)
        z, x = (t[:, 0] for t in self.relax(problem, state.search, middle[:, None]))
        hit, score, said = self._judge(problem, state.search, x)
        state = state._replace(low=torch.where(hit, middle, state.low), high=torch.where(hit, state.high, middle))
        return self._keep(state, hit, z, x, score, said)

    @staticmethod
    def _judge(problem: Problem, search: SearchState, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Hit, score and what the predictor says; what is not finite is no hit."""
        logits = problem.predictor(x)
        score = problem.objective.score(logits, search.aim)
        score = torch.where(finite(x) & finite(score), score, -torch.inf)
        return problem.objective.reached(score), score, problem.objective.prediction(logits)

    @staticmethod
    def _keep(
        state: RelaxationState, hit: Tensor, z: Tensor, x: Tensor, score: Tensor, said: Tensor
    ) -> RelaxationState:
        search = state.search
        better = hit | ((search.first_hit < 0) & (score > search.best_score))
        first_hit = torch.where(hit & (search.first_hit < 0), search.steps, search.first_hit)
        search = keep(search, better, z, x, score, said)._replace(first_hit=first_hit, steps=search.steps + 1)
        return state._replace(search=search)

    def relax(self, problem: Problem, search: SearchState, r: Tensor) -> tuple[Tensor, Tensor]:
        """z′ of n×G×D and x′ of n×G×``shape`` for r of n×G."""
        chart = problem.chart
        assert isinstance(chart, HierarchicalChart)
        n, g = r.shape
        xi = condition_of_class(search.target, chart.vae.num_classes)
        noise = [self.temperature * e.to(r) for e in self._noise(chart.vae.latents)]
        xi_of_x = chart.condition(search.x) if self.abduction else None
        z, x = chart.relax(search.x, xi, r, noise, self.relax_variance, xi_of_x)
        return z.view(n, g, -1), as_image(x.clamp(0, 1), problem.levels).view(n, g, *x.shape[1:])

    def _noise(self, latents: Sequence[tuple[int, int, int]]) -> list[Tensor]:
        generator = torch.Generator().manual_seed(self.seed)
        return [torch.randn(1, *shape, generator=generator) for shape in latents]
