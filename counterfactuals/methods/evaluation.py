"""What a search by gradients finds where it stands."""

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

from counterfactuals.engine import Problem
from counterfactuals.goals.distances import Distance, Points
from counterfactuals.goals.region import Region
from counterfactuals.methods.clip import as_image, straight_through_clip
from counterfactuals.methods.state import DECODED, GRADIENT, LOGITS, SearchState, finite, first_fault
from counterfactuals.rows import scatter, take
from counterfactuals.steps.smoothing import Smoothing
from networks.errors import InputError
from networks.precision import FLOAT32, Coarse


class Evaluation(NamedTuple):
    """n rows, detached.

    Attributes:
        decoded: g(z), clipped and masked, n×``shape``.
        x: the same as an image, rounded to its grey values, n×``shape``. Gradients are taken at g(z), for rounding
            would make a step of the last digit of z; what is a hit is one as an image.
        score: the objective's, n; −∞ where it is not finite.
        prediction: what the predictor says of x, n.
        hit: the objective is reached, n bool.
        excess: loss above the objective's goal, n.
        distance: d(x, x₀), n; zero without a distance.
        grad: of loss + λ d, n×D; of the loss alone where λ is ``None``.
        pull: of d then, n×D, otherwise of no rows.
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
    pull: Tensor
    fault: Tensor


def evaluate(
    problem: Problem,
    state: SearchState,
    clip: tuple[float, float] | None,
    region: Region | None = None,
    distance: Distance | None = None,
    weight: Tensor | float | None = 1.0,
    coarse: Coarse = FLOAT32,
    smoothing: Smoothing | None = None,
) -> Evaluation:
    """One decode, one prediction and one gradient for every row; parameters get none.

    Args:
        clip, region, distance: see ``Ascent``.
        weight: λ, one or n; ``None`` for both gradients apart.
        smoothing: of the loss that gradients are taken of.
        coarse: what the gradients are taken in; hits are then confirmed in float32.
    """
    z = state.z.detach().requires_grad_()
    with torch.enable_grad(), coarse.products():
        with coarse.autocast(z.device):
            decoded, logits = _look(problem, z, state.x, clip, region)
            smooth = None if smoothing is None else _smoothed_loss(problem, state, decoded, smoothing)
        sharp = problem.objective.loss(logits, state.aim)
        loss = sharp if smooth is None else smooth
        d = torch.zeros_like(loss) if distance is None else distance.measure(Points(decoded, z, state.x, state.z0))
        check_gradient(problem, decoded, logits)
        pull = torch.autograd.grad(d.sum(), z, retain_graph=True)[0] if weight is None else z.detach()[:0]
        total = loss if distance is None or weight is None else loss + weight * d
        (grad,) = torch.autograd.grad(total.sum(), z)
    if (locked := problem.chart.locked) is not None:
        grad, pull = grad.masked_fill(locked, 0.0), pull.masked_fill(locked, 0.0)
    seen = Predicted(decoded.detach(), logits.detach())
    if coarse.any:
        seen = at_hits(problem, state, seen, lambda hits: _look(problem, state.z[hits], state.x[hits], clip, region))
    image = as_image(seen.x, problem.levels)
    if problem.levels is not None:
        seen = at_hits(problem, state, seen, lambda hits: Predicted(seen.x[hits], problem.predictor(image[hits])))
    score = problem.objective.score(seen.logits, state.aim)
    sound = finite(image) & finite(score)
    return Evaluation(
        decoded=seen.x,
        x=image,
        score=torch.where(sound, score, -torch.inf),
        prediction=problem.objective.prediction(seen.logits),
        hit=sound & problem.objective.reached(score),
        excess=sharp.detach() - problem.objective.goal,
        distance=d.detach(),
        grad=grad,
        pull=pull,
        fault=first_fault((DECODED, image), (LOGITS, score), (GRADIENT, grad)),
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
    """The best points of searches without a hit, looked at again in float32, as images."""
    rows = missed(state)
    if not len(rows):
        return state
    return confirmed_again(problem, state, rows, _look(problem, state.best_z[rows], state.x[rows], clip, region).x)


def missed(state: SearchState) -> Tensor:
    """Which searches have a best point that is no hit, n int64."""
    return ((state.first_hit < 0) & ~state.already_reached & state.best_score.isfinite()).nonzero()[:, 0]


@torch.no_grad()
def confirmed_again(problem: Problem, state: SearchState, rows: Tensor, x: Tensor) -> SearchState:
    """What is said of x, as images, in place of the best points of ``rows`` (n int64)."""
    x = as_image(x, problem.levels)
    logits = problem.predictor(x).to(state.best_x.dtype)
    return state._replace(
        best_x=state.best_x.index_copy(0, rows, x),
        best_score=state.best_score.index_copy(0, rows, problem.objective.score(logits, take(state.aim, rows))),
        best_prediction=state.best_prediction.index_copy(0, rows, problem.objective.prediction(logits)),
    )


class Predicted(NamedTuple):
    """g(z), clipped and masked, and what the predictor returns for it, in the type of z."""

    x: Tensor
    logits: Tensor


def _look(
    problem: Problem, z: Tensor, original: Tensor, clip: tuple[float, float] | None, region: Region | None
) -> Predicted:
    x = straight_through_clip(problem.chart.decode(z).to(z.dtype), clip)
    if region is not None:
        x = torch.where(region.mask(x.shape[1:]).to(x.device), x, original)
    return Predicted(x, problem.predictor(x).to(z.dtype))


@torch.no_grad()
def at_hits(problem: Problem, state: SearchState, seen: Predicted, look: Callable[[Tensor], Predicted]) -> Predicted:
    """The same, with the hits among them (n int64) looked at again: in float32, or as images."""
    hits = problem.objective.reached(problem.objective.score(seen.logits, state.aim)).nonzero()[:, 0]
    if not len(hits):
        return seen
    x, logits = look(hits)
    return scatter(seen, hits, Predicted(x, logits.to(seen.logits.dtype)))
