"""Logits along a straight line in the latent space of an invertible classifier."""

from typing import Any, NamedTuple

import torch
from torch import Tensor

from counterfactuals.goals.matched import Matched
from counterfactuals.goals.objectives import Objective

NEWTON_STEPS = 100  # most; a dozen are enough, for convergence is quadratic
EXACT = 1e-12  # of the loss


class Line(NamedTuple):
    """Logits ℓ(α) = ``logits`` + α ``slopes`` on n lines z + α d, n×K each, float64; from class s to t, n int64 each.

    An affine head makes them so: what is asked of the decoded image's posterior is one equation for α, and no image
    needs to be decoded to solve it.
    """

    logits: Tensor
    slopes: Tensor
    source: Tensor
    target: Tensor

    def at(self, alpha: Tensor) -> Tensor:
        """ℓ(α) of α of n, n×K."""
        return self.logits + alpha[:, None] * self.slopes

    def boundary(self) -> Tensor:
        """α₀ where ℓ_t = ℓ_s, n; infinite where the line never gets there."""
        behind, speed = (_of(v, self.source) - _of(v, self.target) for v in (self.logits, self.slopes))
        return torch.where(speed < 0, behind / -speed, torch.inf)

    def reaching(self, objective: Objective, aim: Any) -> Tensor:
        """The smallest α ≥ 0 at which the objective's loss comes down to its goal, n; infinite where there is none.

        −log p_t and margins are convex in the logits, and so the loss in α: Newton's tangents lie below it. From α = 0
        they come to the first crossing from the left, and never pass it.
        """
        own = self.reaching(objective.objective, aim.own) if isinstance(objective, Matched) else 0.0
        alpha = torch.zeros_like(self.logits[:, 0])
        for _ in range(NEWTON_STEPS):
            excess, slope = self._excess(objective, aim, alpha)
            open_ = (excess > EXACT) & alpha.isfinite()
            if not open_.any():
                break
            alpha = torch.where(open_, torch.where(slope < 0, alpha - excess / slope, torch.inf), alpha)
        return torch.maximum(alpha, torch.as_tensor(own).to(alpha))

    def _excess(self, objective: Objective, aim: Any, alpha: Tensor) -> tuple[Tensor, Tensor]:
        """Loss above the goal, and its derivative, n each."""
        with torch.enable_grad():
            alpha = alpha.detach().nan_to_num(posinf=0.0).requires_grad_()
            excess = objective.loss(self.at(alpha), aim) - objective.goal
            (slope,) = torch.autograd.grad(excess.sum(), alpha)
        return excess.detach(), slope


def _of(values: Tensor, classes: Tensor) -> Tensor:
    return values.gather(1, classes[:, None])[:, 0]
