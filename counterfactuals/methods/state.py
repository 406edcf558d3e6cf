"""Where a search stands: what all methods keep of a row."""

from typing import Any, NamedTuple

import torch
from torch import Tensor

from counterfactuals.engine import DependsOnOriginal, Problem, Stepped
from counterfactuals.goals.objectives import unanimous
from counterfactuals.methods.clip import as_image, straight_through_clip
from counterfactuals.result import Counterfactuals, Status

INPUT, FIRST_LOGITS, ENCODING, DECODED, LOGITS, GRADIENT, NO_PROTOTYPE = range(1, 8)
FAULTS = {
    INPUT: "the input x is not finite",
    FIRST_LOGITS: "the predictor's output for x is not finite",
    ENCODING: "the chart's encoding of x is not finite",
    DECODED: "the decoded x is not finite",
    LOGITS: "the predictor's output is not finite",
    GRADIENT: "the gradient is not finite",
    NO_PROTOTYPE: "the predictor gives the target class to none of the reference samples: show it more",
}


class SearchState(NamedTuple):
    """n searches under way; rows first.

    Attributes:
        x, target, source, source_confidence, z0: what they started from (see ``Counterfactuals``).
        aim: what the objective takes for the target: itself, unless it is ``DependsOnOriginal``.
        settled: rows that there is nothing to search for, n bool.
        reconstruction: decode(z0); x itself until it is ``decoded``, n bool.
        z: where they are, n×D.
        steps: taken so far, n int64.
        first_hit: step of the first hit, −1 before it, n int64.
        fault: number in ``FAULTS``, 0 for none, n int64.
        best_z, best_x, best_score, best_prediction: the point that is returned, and what is said of it.
    """

    x: Tensor
    target: Tensor
    aim: Any
    source: Tensor
    source_confidence: Tensor
    already_reached: Tensor
    z0: Tensor
    reconstruction: Tensor
    decoded: Tensor
    z: Tensor
    steps: Tensor
    first_hit: Tensor
    fault: Tensor
    best_z: Tensor
    best_x: Tensor
    best_score: Tensor
    best_prediction: Tensor


@torch.no_grad()
def begin(
    problem: Problem, x: Tensor, target: Tensor, clip: tuple[float, float] | None, decode: bool = False
) -> Stepped:
    """Searches from x to ``target``, before their first step; those with nothing to search for have ended.

    What goes on is decoded here only where ``decode`` is set: a search whose first step decodes z0 need not.
    """
    logits, z = problem.predictor(x).to(x.dtype), problem.chart.encode(x)
    aim = problem.objective.aim(target, logits) if isinstance(problem.objective, DependsOnOriginal) else target
    score, said = problem.objective.score(logits, aim), problem.objective.prediction(logits)
    none = torch.zeros(len(x), dtype=torch.int64, device=x.device)
    state = SearchState(
        x=x,
        target=target,
        aim=aim,
        source=said,
        source_confidence=score,
        already_reached=problem.objective.already_reached(logits, aim) & unanimous(problem.predictor, x, target),
        z0=z,
        reconstruction=x,
        decoded=torch.zeros_like(none, dtype=torch.bool),
        z=z,
        steps=none,
        first_hit=none - 1,
        fault=first_fault((INPUT, x), (FIRST_LOGITS, score), (ENCODING, z)),
        best_z=z,
        best_x=x,
        best_score=torch.full_like(score, -torch.inf),
        best_prediction=said,
    )
    done = state.already_reached | (state.fault > 0)
    wanted = torch.ones_like(done) if decode else done
    if wanted.any():
        decoded = x.index_put((wanted,), straight_through_clip(problem.chart.decode(z[wanted]), clip))
        fault = torch.where(wanted & (state.fault == 0) & ~finite(decoded), DECODED, state.fault)
        done = state.already_reached | (fault > 0)
        image = as_image(decoded, problem.levels)
        state = state._replace(reconstruction=decoded, decoded=wanted, best_x=image, fault=fault)
    return Stepped(state, done)


def keep(state: SearchState, better: Tensor, z: Tensor, x: Tensor, score: Tensor, prediction: Tensor) -> SearchState:
    """Take z, x, score and prediction as the best point of the rows that are ``better`` (n bool)."""
    return state._replace(
        best_z=torch.where(better[:, None], z, state.best_z),
        best_x=torch.where(like(better, x), x, state.best_x),
        best_score=torch.where(better, score, state.best_score),
        best_prediction=torch.where(better, prediction, state.best_prediction),
    )


def conclude(state: SearchState, path: Tensor | None = None, relaxation: Tensor | None = None) -> Counterfactuals:
    """What searches that have ended come to."""
    status = torch.where(state.fault > 0, Status.FAILED, Status.TIMEOUT)
    status[state.already_reached & (state.fault == 0)] = Status.ALREADY_TARGET
    status[state.first_hit >= 0] = Status.FLIPPED
    # A row that ended before its first score has no confidence but the one it came with.
    confidence = torch.where(state.best_score.isinf(), state.source_confidence, state.best_score)
    return Counterfactuals(
        x=state.x,
        reconstruction=state.reconstruction,
        counterfactual=state.best_x,
        z=state.z0,
        z_prime=state.best_z,
        source=state.source,
        target=state.target,
        prediction=state.best_prediction,
        source_confidence=state.source_confidence,
        confidence=confidence,
        steps=state.steps,
        first_hit=state.first_hit,
        status=status,
        reasons=tuple(
            f"{FAULTS[f]} (step {n})" if s == Status.FAILED else ""
            for f, n, s in zip(state.fault.tolist(), state.steps.tolist(), status.tolist(), strict=True)
        ),
        path=path,
        relaxation=relaxation,
    )


def first_fault(*values: tuple[int, Tensor]) -> Tensor:
    """For every row the number of the first value that is not finite, else 0; n int64."""
    fault = torch.zeros(len(values[0][1]), dtype=torch.int64, device=values[0][1].device)
    for number, value in reversed(values):
        fault = torch.where(finite(value), fault, number)
    return fault


def finite(value: Tensor) -> Tensor:
    """Per row: are all entries finite? n bool."""
    return value.isfinite().flatten(1).all(1) if value.ndim > 1 else value.isfinite()


def like(flags: Tensor, values: Tensor) -> Tensor:
    """Flags of the first axes, with further axes of one, for ``torch.where`` on values."""
    return flags.view(*flags.shape, *(1,) * (values.ndim - flags.ndim))
