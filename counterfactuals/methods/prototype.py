"""A more typical sample of the class that a sample has."""

from typing import NamedTuple

import torch
from torch import Tensor

from counterfactuals.engine import Problem, Stepped
from counterfactuals.methods.clip import as_image, straight_through_clip
from counterfactuals.methods.references import encoded
from counterfactuals.methods.state import (
    DECODED,
    LOGITS,
    NO_PROTOTYPE,
    SearchState,
    begin,
    conclude,
    finite,
    first_fault,
    keep,
)
from counterfactuals.result import Counterfactuals
from networks.checks import interval, positive, whole, within
from networks.errors import InputError


class WalkState(NamedTuple):
    """n walks under way.

    Attributes:
        search: where they stand, and the best point so far.
        centre: z̄ of the target, n×D.
    """

    search: SearchState
    centre: Tensor


class Prototype:
    """Straight towards the centre of the target's class, z′ = z + s (z̄_t − z): with ``OwnClass()``, a prototype.

    z̄_t is the mean of the encodings of the samples that the predictor gives class t (see ``prepare``). Of the
    points at s = ``share``/``steps``, …, ``share`` the last one that reaches the objective is kept: a sample that the
    predictor is sure of is moved, too. No gradient is needed.

    Liu et al. 2019 (III.A, c′ = c) ask for more confidence in the class instead. Where the predictor is sure already
    that leaves x as it is, and where it is not it leads to the next surer image, not to a more typical one.

    Args:
        share: s in (0, 1], how much of the way to walk; 1 ends in the centre, the same for all samples of a class.
        steps: points on the way.
        clip: see ``Ascent``.

    Raises:
        InputError: a number out of its range; on use, no reference samples (see ``prepare``).
    """

    needs_gradient = False

    def __init__(self, share: float = 0.5, steps: int = 10, clip: tuple[float, float] | None = (0.0, 1.0)) -> None:
        InputError.collect(
            within(0, 1, share=share) + positive(share=share) + whole(1, steps=steps) + interval(clip=clip)
        )
        self.share, self.steps, self.clip = share, steps, clip
        self.centres = torch.zeros(0, 0)

    def prepare(self, problem: Problem, x: Tensor) -> None:
        """The centres of the classes from samples of the training split, M×``shape``; NaN of a class without any."""
        encodings, said = encoded(problem, x, "Prototype")
        self.centres = torch.stack([encodings[said == k].mean(0) for k in range(int(said.max()) + 1)])

    def start(self, problem: Problem, x: Tensor, target: Tensor) -> Stepped:
        if not len(self.centres):
            raise InputError("Prototype has seen no reference samples: call prepare() first")
        search, _ = begin(problem, x, target, self.clip, decode=True)
        known = target < len(self.centres)
        centre = self.centres[torch.where(known, target, 0)].masked_fill(~known[:, None], torch.nan)
        missing = (search.fault == 0) & ~finite(centre)
        fault = torch.where(missing, NO_PROTOTYPE, search.fault)
        # There is a way to go also for who has the class.
        search = search._replace(fault=fault, already_reached=torch.zeros_like(search.already_reached))
        return Stepped(WalkState(search, centre), fault > 0)

    @torch.no_grad()
    def step(self, problem: Problem, state: WalkState) -> Stepped:
        search = state.search
        s = self.share * (search.steps + 1) / self.steps
        z = torch.lerp(search.z0, state.centre, s[:, None].to(search.z0))
        x = as_image(straight_through_clip(problem.chart.decode(z), self.clip), problem.levels)
        logits = problem.predictor(x)
        score = problem.objective.score(logits, search.aim)
        fault = first_fault((DECODED, x), (LOGITS, score))
        hit = (fault == 0) & problem.objective.reached(score)
        better = hit | ((search.first_hit < 0) & (score > search.best_score))
        search = keep(search, better, z, x, score, problem.objective.prediction(logits))._replace(
            z=z,
            first_hit=torch.where(hit & (search.first_hit < 0), search.steps + 1, search.first_hit),
            fault=torch.where(search.first_hit >= 0, 0, fault),
            steps=search.steps + 1,
        )
        return Stepped(state._replace(search=search), (search.fault > 0) | (search.steps >= self.steps))

    def result(self, problem: Problem, state: WalkState) -> Counterfactuals:
        return conclude(state.search)
