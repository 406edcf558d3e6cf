"""Steps as long as a straight line to the goal."""

from typing import Any, NamedTuple

import torch
from torch import Tensor

from counterfactuals.steps.adam import Move
from networks.checks import finite
from networks.errors import InputError

TINY = 1e-12  # a gradient of zero has no direction


def goal_problem(optimizer: Any, distance: Any) -> list[str]:
    """The sentence on ``Polyak`` where a distance is descended, too."""
    if distance is None or not isinstance(optimizer, Polyak):
        return []
    return [
        "optimizer Polyak takes steps as long as the loss is from its goal, and what is descended with a distance is "
        "not the loss alone: take counterfactuals.Momentum or Adam, or leave the distance out"
    ]


class PolyakState(NamedTuple):
    """Nothing is remembered: rows whose first column is 0, n×1."""

    nothing: Tensor


class Polyak:
    """Displacement −ℓ/‖g‖ · g/‖g‖, ℓ the loss in excess of the goal (Polyak 1969; DeepFool's step where ℓ is linear).

    The length is what would reach the goal if the loss were linear, kept within bounds. −log p_t is
    nearly linear far from the class, where ``Adam`` and ``Momentum`` take many steps of one length,
    and steps shrink by themselves where the goal is near. With a distance beside the loss the goal of their sum is not
    known: ``Ascent`` and ``MinimalChange`` refuse the two together.

    Args:
        longest: bound of a step, in units of z; where the chart bends, straight lines mislead.
        shortest: lower bound, which also carries a search on after its goal (``extra_steps``).
    """

    def __init__(self, longest: float = 2.0, shortest: float = 0.1) -> None:
        if finite(longest=longest, shortest=shortest) or not 0 < shortest <= longest:
            raise InputError(f"the bounds must be 0 < shortest <= longest; got {shortest} and {longest}")
        self.longest, self.shortest = longest, shortest

    def start(self, z: Tensor) -> PolyakState:
        """State of n rows that have not moved yet; z of n×D."""
        return PolyakState(z.new_zeros(len(z), 1))

    def step(self, state: PolyakState, grad: Tensor, excess: Tensor) -> Move:
        """The displacement, from gradients n×D and the loss in excess of the goal, n."""
        norm = grad.norm(dim=1).clamp(min=TINY)
        length = (excess / norm).clamp(self.shortest, self.longest)
        return Move(state, -torch.where(norm > TINY, length / norm, 0.0)[:, None] * grad)
