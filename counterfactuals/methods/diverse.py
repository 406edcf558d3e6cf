"""Several counterfactuals of every sample that differ from each other."""

from functools import lru_cache
from typing import NamedTuple

import torch
from torch import Tensor

from counterfactuals.charts.chart import Chart
from counterfactuals.engine import Problem, Stepped, learn_by
from counterfactuals.methods.ascent import Ascent, AscentState
from counterfactuals.result import Counterfactuals
from counterfactuals.rows import flatten, scatter, take, unflatten
from networks.checks import not_negative, objects, positive, seeds, whole
from networks.errors import InputError


class DiverseState(NamedTuple):
    """n sets of m ascents.

    Attributes:
        ascents: where they stand, tensors of n×m×….
        done: those that have ended and wait for the others of their set, n×m bool.
    """

    ascents: AscentState
    done: Tensor


class Diverse:
    """m ascents a sample, from starts around z₀, that push each other away while they climb.

    Each takes gᵢ − w‖gᵢ‖ aᵢ for its gradient gᵢ, where aᵢ is the part of
    Σ_{j≠i} exp(−‖zᵢ − zⱼ‖² / 2h²)(zᵢ − zⱼ)/h that is orthogonal to gᵢ, h² = D s². The kernel is that of Liu &
    Wang 2016, *Stein Variational Gradient Descent*; that a set should be diverse as well as valid is
    Mothilal et al. 2020, *Explaining Machine Learning Classifiers through Diverse Counterfactual
    Explanations*. Without the projection members would hold each other back short of Λ, where gᵢ is
    small. One that has arrived stays and still repels the others; it is not decoded any more.

    Args:
        ascent: how each of them climbs.
        members: m.
        spread: s, root mean square per coordinate by which the starts lie around z₀, in units of z.
            The first starts at z₀ itself.
        repulsion: w, in lengths of the gradient; 0 for different starts alone.
        seed: of the starts, the same for every sample: a set does not depend on its batch.

    Raises:
        InputError: fewer than two members, or a spread or repulsion out of range.
    """

    def __init__(
        self, ascent: Ascent, members: int = 4, spread: float = 0.3, repulsion: float = 1.0, seed: int = 0
    ) -> None:
        InputError.collect(
            objects(Ascent, ascent=ascent)
            + whole(2, members=members)
            + positive(spread=spread)
            + not_negative(repulsion=repulsion)
            + seeds(seed=seed)
        )
        self.ascent, self.members, self.spread, self.repulsion, self.seed = ascent, members, spread, repulsion, seed
        learn_by(self, ascent)
        self._starts = lru_cache(maxsize=1)(self._draw)

    def check(self, chart: Chart) -> None:
        """Raise ``InputError`` where the ascents cannot search in these coordinates."""
        self.ascent.check(chart)

    def start(self, problem: Problem, x: Tensor, target: Tensor) -> Stepped:
        one, done = self.ascent.start(problem, x, target, decode=True)  # only the first member begins at z₀
        everyone = torch.arange(len(x), device=x.device).repeat_interleave(self.members)
        ascents = unflatten(take(one, everyone), self.members)
        search = ascents.search
        away = self.ascent.unlocked(self._starts(search.z.shape[2]).to(search.z))
        if (locked := problem.chart.locked) is not None:
            away = away.masked_fill(locked, 0.0)
        apart = problem.chart.project((search.z + away).flatten(0, 1)).view_as(search.z)
        ascents = ascents._replace(search=search._replace(z=apart))
        return Stepped(DiverseState(ascents, done[:, None].expand(-1, self.members)), done)

    def step(self, problem: Problem, state: DiverseState) -> Stepped:
        """One step of the members that have not ended."""
        active = (~state.done).flatten().nonzero()[:, 0]
        ascents, away = flatten(state.ascents), self._away(state.ascents.search.z).flatten(0, 1)[active]
        stepped, ended = self.ascent.step(problem, take(ascents, active), lambda grad: self._bend(grad, away))
        ascents = unflatten(scatter(ascents, active, stepped), self.members)
        done = state.done.flatten().index_put((active,), ended).view_as(state.done)
        return Stepped(DiverseState(ascents, done), done.all(1))

    def result(self, problem: Problem, state: DiverseState) -> Counterfactuals:
        """Sets one after the other, m rows each."""
        return self.ascent.result(problem, flatten(state.ascents))

    def _away(self, z: Tensor) -> Tensor:
        """Σ_{j≠i} exp(−‖zᵢ − zⱼ‖² / 2h²)(zᵢ − zⱼ)/h, n×m×D."""
        apart = (z[:, :, None] - z[:, None]) / (self.spread * z.shape[2] ** 0.5)
        return (torch.exp(-0.5 * apart.square().sum(-1, keepdim=True)) * apart).sum(2)

    def _bend(self, grad: Tensor, away: Tensor) -> Tensor:
        """gᵢ − w‖gᵢ‖ aᵢ, n×D."""
        norm = grad.norm(dim=1, keepdim=True)
        along = grad / norm.clamp(min=torch.finfo(grad.dtype).tiny)
        return grad - self.repulsion * norm * (away - (away * along).sum(1, keepdim=True) * along)

    def _draw(self, dim: int) -> Tensor:
        """Starts around z₀, m×D."""
        generator = torch.Generator().manual_seed(self.seed)
        away = self.spread * torch.randn(self.members, dim, generator=generator)
        away[0] = 0.0
        return away
