"""Counterfactuals guided by prototypes in latent space."""

from typing import NamedTuple

import torch
from torch import Tensor

from counterfactuals.engine import Problem, Stepped
from counterfactuals.methods.clip import as_image, straight_through_clip
from counterfactuals.methods.evaluation import Predicted, at_hits, check_gradient, confirmed_again, missed
from counterfactuals.methods.references import encoded
from counterfactuals.methods.state import (
    GRADIENT,
    LOGITS,
    NO_PROTOTYPE,
    SearchState,
    begin,
    conclude,
    finite,
    first_fault,
    keep,
    like,
)
from counterfactuals.result import Counterfactuals
from networks.checks import interval, not_negative, positive, whole
from networks.errors import InputError


class PrototypeState(NamedTuple):
    """n searches under way.

    Attributes:
        search: what they started from, and the best point so far.
        delta, y: δ of the present step and FISTA's extrapolated point, n×``shape``.
        prototype: proto_t, n×D.
        c: weight of the prediction term, n, with its bounds ``low`` and ``high``.
        found: this round has had a hit, n bool.
        distance: β‖δ‖₁ + ‖δ‖₂² of the best hit, n; ∞ before the first.
    """

    search: SearchState
    delta: Tensor
    y: Tensor
    prototype: Tensor
    c: Tensor
    low: Tensor
    high: Tensor
    found: Tensor
    distance: Tensor


class PrototypeGuided:
    """min_δ c·f_κ + β‖δ‖₁ + ‖δ‖₂² + γ‖x − AE(x)‖₂² + θ‖ENC(x) − proto_t‖₂², x = x₀ + δ, by FISTA.

    Van Looveren & Klaise 2021, *Interpretable Counterfactual Explanations Guided by Prototypes*, eq. 1–8, but for f_κ,
    which is the objective's loss above its goal: max(ℓ − goal, −κ). The paper's max(max_{j≠t} p_j − p_t, −κ) is of
    probabilities: it has no gradient where a search starts from p_t near 0, and with κ = 0 none between argmax and Λ.
    ENC and AE are the chart's (γ counts nothing where the chart is exact), proto_t the mean of the
    encodings of the K samples nearest to ENC(x₀) that the predictor gives class t. The search walks
    in x. c grows tenfold after a round without a hit and is bisected after one with; of all hits the
    one with the smallest β‖δ‖₁ + ‖δ‖₂² is kept.

    Args:
        k: K.
        beta, gamma, theta: β, γ, θ; what θ is worth depends on the scale of the chart's latents.
        c: weight of f_κ to begin with.
        kappa: κ ≥ 0, how far the loss is to fall below the objective's goal.
        rounds: values of c that are tried. The authors' own program tries 10.
        steps: of one round; theirs takes 1,000.
        step_size: of the gradient; it falls with the root of the steps of a round.
        clip: range of x.

    Raises:
        InputError: a number out of its range; on use, no reference samples (see ``prepare``).
    """

    def __init__(
        self,
        k: int = 5,
        beta: float = 0.1,
        gamma: float = 100.0,
        theta: float = 100.0,
        c: float = 1.0,
        kappa: float = 0.0,
        rounds: int = 3,
        steps: int = 200,
        step_size: float = 1e-2,
        clip: tuple[float, float] = (0.0, 1.0),
    ) -> None:
        InputError.collect(
            whole(1, k=k, rounds=rounds, steps=steps)
            + positive(c=c, step_size=step_size)
            + not_negative(beta=beta, gamma=gamma, theta=theta, kappa=kappa)
            + ([f"clip must be two numbers, not {clip!r}"] if clip is None else interval(clip=clip))
        )
        self.k, self.beta, self.gamma, self.theta, self.c, self.kappa = k, beta, gamma, theta, c, kappa
        self.rounds, self.steps, self.step_size, self.clip = rounds, steps, step_size, clip
        self.encodings, self.classes = torch.zeros(0), torch.zeros(0, dtype=torch.int64)

    def prepare(self, problem: Problem, x: Tensor) -> None:
        """Encode the samples (M×``shape``, of the training split) that prototypes are made of; not those of NaN."""
        self.encodings, self.classes = encoded(problem, x, "PrototypeGuided")

    def start(self, problem: Problem, x: Tensor, target: Tensor) -> Stepped:
        search, done = begin(problem, x, target, self.clip, decode=True)
        prototype = self._prototypes(search.z0, target)
        missing = ~done & ~finite(prototype)
        search, done = search._replace(fault=torch.where(missing, NO_PROTOTYPE, search.fault)), done | missing
        zero, c = torch.zeros_like(x), torch.full_like(search.best_score, self.c)
        state = PrototypeState(
            search=search._replace(best_x=x),  # the search walks from x itself
            delta=zero,
            y=zero,
            prototype=prototype,
            c=c,
            low=torch.zeros_like(c),
            high=torch.full_like(c, torch.inf),
            found=torch.zeros_like(target, dtype=torch.bool),
            distance=torch.full_like(c, torch.inf),
        )
        return Stepped(state, done)

    def _prototypes(self, z0: Tensor, target: Tensor) -> Tensor:
        """n×D; NaN where no reference sample has the class."""
        if not len(self.classes):
            raise InputError("PrototypeGuided has seen no reference samples: call prepare() first")
        distances = torch.cdist(z0.nan_to_num(), self.encodings)
        distances[self.classes != target[:, None]] = torch.inf
        nearest = distances.topk(min(self.k, len(self.classes)), largest=False)
        weight = nearest.values.isfinite().float()
        return (weight[..., None] * self.encodings[nearest.indices]).sum(1) / weight.sum(1)[:, None]

    def step(self, problem: Problem, state: PrototypeState) -> Stepped:
        search, k = state.search, state.search.steps % self.steps
        x, logits, grad = self._smooth_gradient(problem, state)
        if problem.levels is not None:
            image = as_image(x, problem.levels)
            at = Predicted(x, logits)
            x, logits = at_hits(
                problem, search, at, lambda hits: Predicted(image[hits], problem.predictor(image[hits]))
            )
        score = problem.objective.score(logits, search.aim)
        hit = finite(x) & problem.objective.reached(score)
        delta = x - search.x
        distance = self.beta * delta.flatten(1).abs().sum(1) + delta.flatten(1).square().sum(1)
        closer = hit & (distance < state.distance)
        better = closer | (state.distance.isinf() & (score > search.best_score))
        first_hit = torch.where(hit & (search.first_hit < 0), search.steps, search.first_hit)
        fault = first_fault((LOGITS, score), (GRADIENT, grad))
        done = (fault > 0) | (search.steps >= self.rounds * self.steps - 1)
        search = keep(search, better, search.z, x, score, problem.objective.prediction(logits))._replace(
            first_hit=first_hit, fault=torch.where(first_hit >= 0, 0, fault), steps=search.steps + ~done
        )
        distance = torch.where(closer, distance, state.distance)
        state = state._replace(search=search, found=state.found | hit, distance=distance)
        return Stepped(self._next_round(self._fista(state, grad, k), k == self.steps - 1), done)

    def _smooth_gradient(self, problem: Problem, state: PrototypeState) -> tuple[Tensor, Tensor, Tensor]:
        """x₀ + y clipped, its logits, and the gradient of all terms but the L1 norm."""
        y = state.y.detach().requires_grad_()
        with torch.enable_grad():
            x = straight_through_clip(state.search.x + y, self.clip)
            logits = problem.predictor(x)
            check_gradient(problem, x, logits)
            excess = problem.objective.loss(logits, state.search.aim) - problem.objective.goal
            loss = state.c * excess.clamp(min=-self.kappa) + y.flatten(1).square().sum(1)
            z = problem.chart.encode(x)
            loss = loss + self.theta * (z - state.prototype).square().sum(1)
            if not problem.chart.exact:
                loss = loss + self.gamma * (x - problem.chart.decode(z)).flatten(1).square().sum(1)
            (grad,) = torch.autograd.grad(loss.sum(), y)
        return x.detach(), logits.detach(), grad

    def _fista(self, state: PrototypeState, grad: Tensor, k: Tensor) -> PrototypeState:
        """δ ← S_β(y − η ∇), clipped to the range of x; y ← δ + k/(k+3) (δ − δ_before)."""
        rate = like(self.step_size * (1 - k / self.steps).sqrt(), grad)
        moved = state.y - rate * grad
        shrunk = moved.sign() * (moved.abs() - rate * self.beta).clamp(min=0)
        delta = (state.search.x + shrunk).clamp(*self.clip) - state.search.x
        return state._replace(delta=delta, y=delta + like(k / (k + 3), grad) * (delta - state.delta))

    def _next_round(self, state: PrototypeState, last: Tensor) -> PrototypeState:
        """At the end of a round another c, and δ from zero."""
        high = torch.where(last & state.found, torch.minimum(state.high, state.c), state.high)
        low = torch.where(last & ~state.found, torch.maximum(state.low, state.c), state.low)
        c = torch.where(high.isinf(), 10 * state.c, 0.5 * (low + high))
        fresh = like(last, state.y)
        return state._replace(
            c=torch.where(last, c, state.c),
            low=low,
            high=high,
            found=state.found & ~last,
            delta=torch.where(fresh, 0.0, state.delta),
            y=torch.where(fresh, 0.0, state.y),
        )

    @torch.no_grad()
    def result(self, problem: Problem, state: PrototypeState) -> Counterfactuals:
        search, rows = state.search, missed(state.search)
        if problem.levels is not None and len(rows):
            search = confirmed_again(problem, search, rows, search.best_x[rows])
        return conclude(search._replace(best_z=problem.chart.encode(search.best_x)))
