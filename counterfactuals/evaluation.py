"""What a search by gradients finds where it stands."""

from typing import NamedTuple

import torch
from torch import Tensor

from counterfactuals.clip import straight_through_clip, straight_through_round
from counterfactuals.distances import Distance, Points
from counterfactuals.engine import Problem
from counterfactuals.region import Region
from counterfactuals.rows import scatter, take
from counterfactuals.smoothing import Smoothing
from counterfactuals.state import DECODED, GRADIENT, LOGITS, SearchState, finite, first_fault
from networks.errors import InputError
from networks.precision import FLOAT32, Coarse


class Evaluation(NamedTuple):
    """n rows, detached.

    Attributes:
        decoded: g(z), clipped and masked, n×``shape``.
        x: the same as an image, rounded to its grey values: what the predictor sees.
        score: the objective's, n; −∞ where it is not finite.
        prediction: what the predictor says of x, n.
        hit: the objective is reached, n bool.
        excess: loss above the objective's goal, n.
        distance: d(x, x₀), n; zero without a distance.
        grad: of loss + λ d, n×D.
        fault: number in ``FAULTS``, n int64.
    """

    decoded: Tensor
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
    coarse: Coarse = FLOAT32,
    smoothing: Smoothing | None = None,
) -> Evaluation:
    """One decode, one prediction and one gradient for every row; parameters get none.

    Args:
        clip, region, distance: see ``Ascent``.
        weight: λ, one or n.
        smoothing: of the loss that gradients are taken of.
        coarse: what the gradients are taken in; hits are then confirmed in float32.
    """
    z = state.z.detach().requires_grad_()
    with torch.enable_grad(), coarse.products():
        with coarse.autocast(z.device):
            decoded, x, logits = _look(problem, z, state.x, clip, region)
            smooth = None if smoothing is None else _smoothed_loss(problem, state, x, smoothing)
        sharp = problem.objective.loss(logits, state.aim)
        loss = sharp if smooth is None else smooth
        d = torch.zeros_like(loss) if distance is None else distance.measure(Points(x, z, state.x, state.z0))
        check_gradient(problem, x, logits)
        total = loss if distance is None else loss + weight * d
        (grad,) = torch.autograd.grad(total.sum(), z)
    seen = _Seen(decoded.detach(), x.detach(), logits.detach())
    if coarse.any:
        seen = _confirm(problem, state, seen, clip, region)
    decoded, x, logits = seen
    score = problem.objective.score(logits, state.aim)
    sound = finite(x) & finite(score)
    return Evaluation(
        decoded=decoded,
        x=x,
        score=torch.where(sound, score, -torch.inf),
        prediction=problem.objective.says(logits),
        hit=sound & problem.objective.reached(score),
        excess=sharp.detach() - problem.objective.goal,
        distance=d.detach(),
        grad=grad,
        fault=first_fault((DECODED, x), (LOGITS, score), (GRADIENT, grad)),
    )


def check_gradient(problem: Problem, x: Tensor, logits: Tensor) -> None:
    """Raise ``InputError`` where chart or predictor give values that a gradient does not pass."""
    if not (x.requires_grad and logits.requires_grad):
        part = problem.predictor if x.requires_grad else problem.chart
        raise InputError(
            f"{type(part).__name__} returns values without a gradient, which this search climbs: take detach(), "
            "torch.no_grad() and numpy out of it, or search with LatentSearch"
        )


def _smoothed_loss(problem: Problem, state: SearchState, x: Tensor, smoothing: Smoothing) -> Tensor:
    copies = smoothing(x, state.steps)
    each = torch.arange(len(x), device=x.device).repeat_interleave(smoothing.copies)
    loss = problem.objective.loss(problem.predictor(copies).to(x.dtype), take(state.aim, each))
    return loss.view(len(x), -1).mean(1)


@torch.no_grad()
def exact(problem: Problem, state: SearchState, clip: tuple[float, float] | None, region: Region | None) -> SearchState:
    """The best points of searches without a hit, looked at again in float32."""
    rows = ((state.first_hit < 0) & ~state.settled & state.best_score.isfinite()).nonzero()[:, 0]
    if not len(rows):
        return state
    _, x, logits = _look(problem, state.best_z[rows], state.x[rows], clip, region)
    score = problem.objective.score(logits, take(state.aim, rows))
    return state._replace(
        best_x=state.best_x.index_copy(0, rows, x),
        best_score=state.best_score.index_copy(0, rows, score),
        best_prediction=state.best_prediction.index_copy(0, rows, problem.objective.says(logits)),
    )


class _Seen(NamedTuple):
    """Decoded, the same as an image, and what the predictor returns for that, in the type of z."""

    decoded: Tensor
    x: Tensor
    logits: Tensor


def _look(
    problem: Problem, z: Tensor, original: Tensor, clip: tuple[float, float] | None, region: Region | None
) -> _Seen:
    decoded = straight_through_clip(problem.chart.decode(z).to(z.dtype), clip)
    x = straight_through_round(decoded, problem.levels)
    if region is not None:
        mask = region.mask(x.shape[1:]).to(x.device)
        decoded, x = torch.where(mask, decoded, original), torch.where(mask, x, original)
    return _Seen(decoded, x, problem.predictor(x).to(z.dtype))


@torch.no_grad()
def _confirm(
    problem: Problem,
    state: SearchState,
    seen: _Seen,
    clip: tuple[float, float] | None,
    region: Region | None,
) -> _Seen:
    """The same with the hits among them looked at again in float32."""
    hits = problem.objective.reached(problem.objective.score(seen.logits, state.aim)).nonzero()[:, 0]
    return scatter(seen, hits, _look(problem, state.z[hits], state.x[hits], clip, region)) if len(hits) else seen
