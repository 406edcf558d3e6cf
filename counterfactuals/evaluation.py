"""What a search by gradients finds where it stands."""

from typing import NamedTuple

import torch
from torch import Tensor

from counterfactuals.clip import straight_through_clip
from counterfactuals.distances import Distance, Points
from counterfactuals.engine import Problem
from counterfactuals.region import Region
from counterfactuals.state import DECODED, GRADIENT, LOGITS, SearchState, finite, first_fault


class Evaluation(NamedTuple):
    """n rows, detached.

    Attributes:
        x: decoded, clipped and masked, n×``shape``.
        score: the objective's, n; −∞ where it is not finite.
        prediction: what the predictor says of x, n.
        hit: the objective is reached, n bool.
        excess: loss above the objective's goal, n.
        distance: d(x, x₀), n; zero without a distance.
        grad: of loss + λ d, n×D.
        fault: number in ``FAULTS``, n int64.
    """

    x: Tensor
    score: Tensor
    prediction: Tensor
    hit: Tensor
    excess: Tensor
    distance: Tensor
    grad: Tensor
    fault: Tensor


def evaluate(
    problem: Problem,
    state: SearchState,
    clip: tuple[float, float] | None,
    region: Region | None = None,
    distance: Distance | None = None,
    weight: Tensor | float = 1.0,
) -> Evaluation:
    """One decode, one prediction and one gradient for every row; parameters get none.

    Args:
        clip, region, distance: see ``Ascent``.
        weight: λ, one or n.
    """
    z = state.z.detach().requires_grad_()
    with torch.enable_grad():
        x = straight_through_clip(problem.chart.decode(z), clip)
        if region is not None:
            x = torch.where(region.mask(x.shape[1:]).to(x.device), x, state.x)
        logits = problem.predictor(x)
        loss = problem.objective.loss(logits, state.target)
        d = torch.zeros_like(loss) if distance is None else distance.measure(Points(x, z, state.x, state.z0))
        total = loss if distance is None else loss + weight * d
        (grad,) = torch.autograd.grad(total.sum(), z)
    x = x.detach()
    score = problem.objective.score(logits.detach(), state.target)
    seen = finite(x) & finite(score)
    return Evaluation(
        x=x,
        score=torch.where(seen, score, -torch.inf),
        prediction=problem.objective.says(logits.detach()),
        hit=seen & problem.objective.reached(score),
        excess=loss.detach() - problem.objective.goal,
        distance=d.detach(),
        grad=grad,
        fault=first_fault((DECODED, x), (LOGITS, score), (GRADIENT, grad)),
    )
