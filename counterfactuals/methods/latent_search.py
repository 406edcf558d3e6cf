"""Search without gradients: a growing shell around z."""

from functools import lru_cache

import torch
from torch import Tensor

from counterfactuals.engine import Problem, Stepped
from counterfactuals.methods.clip import as_image, straight_through_clip
from counterfactuals.methods.state import SearchState, begin, conclude, finite, keep
from counterfactuals.result import Counterfactuals
from counterfactuals.rows import take
from networks.checks import MOST_STEPS, above_zero, interval, seeds, whole
from networks.errors import InputError


class LatentSearch:
    """Samples z̃ in shells of growing radius around z until one is a hit; the nearest hit counts (Zhao et al.).

    Zhao, Dua & Singh 2018, *Generating Natural Adversarial Examples*, algorithm 1: at every step N
    samples with r < ‖z̃ − z‖ ≤ r + Δr, directions uniform, radii uniform in [r, r + Δr]; without a
    hit r grows by Δr. It needs no gradient of predictor or chart, and N decodes a step.

    Args:
        samples: N.
        step_size: Δr, in units of z.
        max_steps: shells.
        clip: see ``Ascent``.
        seed: of the directions, the same for every row: a row's result does not depend on its batch.

    Raises:
        InputError: a number that is not positive.
    """

    def __init__(
        self,
        samples: int = 64,
        step_size: float = 0.5,
        max_steps: int = 100,
        clip: tuple[float, float] | None = (0.0, 1.0),
        seed: int = 0,
    ) -> None:
        InputError.collect(
            whole(1, samples=samples)
            + above_zero(step_size=step_size)
            + whole(1, MOST_STEPS, max_steps=max_steps)
            + interval(clip=clip)
            + seeds(seed=seed)
        )
        self.samples, self.step_size, self.max_steps, self.clip, self.seed = samples, step_size, max_steps, clip, seed
        self._shell = lru_cache(maxsize=max_steps)(self._draw)

    needs_gradient = False

    def start(self, problem: Problem, x: Tensor, target: Tensor) -> Stepped:
        return begin(problem, x, target, self.clip, decode=True)

    @torch.no_grad()
    def step(self, problem: Problem, state: SearchState) -> Stepped:
        chart, n = problem.chart, len(state.z)
        dim = chart.free(state.z).shape[1]
        offsets = torch.stack([self._shell(step, dim) for step in state.steps.tolist()]).to(state.z)
        offsets = chart.filled(offsets.flatten(0, 1)).unflatten(0, (n, -1))
        z = chart.project((state.z0[:, None] + offsets).flatten(0, 1)).view_as(offsets)  # n×N×D
        x = straight_through_clip(chart.decode(z.flatten(0, 1)), self.clip)
        x = as_image(x, problem.levels)
        logits = problem.predictor(x)
        each = torch.arange(n, device=x.device).repeat_interleave(self.samples)
        score = problem.objective.score(logits, take(state.aim, each)).view(n, -1)
        hits = problem.objective.reached(score) & (finite(x) & score.flatten().isfinite()).view(n, -1)
        # The nearest hit; without one the highest score, kept as the best so far.
        nearest = torch.where(hits, -offsets.norm(dim=2), -torch.inf).argmax(1)
        chosen = torch.where(hits.any(1), nearest, score.nan_to_num(-torch.inf).argmax(1))
        rows = torch.arange(n, device=x.device)
        hit, score = hits.any(1), score[rows, chosen].nan_to_num(-torch.inf)
        better = hit | (score > state.best_score)
        x, z = x.view(n, -1, *x.shape[1:])[rows, chosen], z[rows, chosen]
        said = problem.objective.prediction(logits).view(n, -1)[rows, chosen]
        state = keep(state, better, z, x, score, said)._replace(
            first_hit=torch.where(hit, state.steps, state.first_hit), steps=state.steps + 1
        )
        return Stepped(state, hit | (state.steps >= self.max_steps))

    def result(self, problem: Problem, state: SearchState) -> Counterfactuals:
        return conclude(state)

    def _draw(self, step: int, dim: int) -> Tensor:
        """Offsets in the shell of a step, N×D."""
        generator = torch.Generator().manual_seed(hash((self.seed, step)) % 2**63)
        direction = torch.randn(self.samples, dim, generator=generator)
        radius = self.step_size * (step + torch.rand(self.samples, 1, generator=generator))
        return radius * direction / direction.norm(dim=1, keepdim=True)
