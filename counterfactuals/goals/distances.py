"""How far a counterfactual may be from its original: terms that a search keeps small."""

from typing import NamedTuple, Protocol

import torch
from torch import Tensor, nn

from networks.checks import objects
from networks.errors import InputError


class Points(NamedTuple):
    """n points of a search beside what they started from.

    Attributes:
        x, z: where they are, n×``shape`` and n×D; gradients flow through both.
        x0, z0: the originals.
    """

    x: Tensor
    z: Tensor
    x0: Tensor
    z0: Tensor


class Distance(Protocol):
    """How far points are from their originals."""

    def measure(self, points: Points) -> Tensor:
        """n values, differentiable, zero at the originals."""
        ...


class PixelL1:
    """‖x − x₀‖₁ (Liu et al., eq. 1 and 2; p = 1)."""

    def measure(self, points: Points) -> Tensor:
        return (points.x - points.x0).flatten(1).abs().sum(1)


class PixelL2:
    """½‖x − x₀‖₂² (Joshi et al. 2019, *Towards Realistic Individual Recourse*: distance in the input)."""

    def measure(self, points: Points) -> Tensor:
        return 0.5 * (points.x - points.x0).flatten(1).square().sum(1)


class LatentL1:
    """‖z − z₀‖₁: few coordinates change rather than all of them a little, e.g. attributes."""

    def measure(self, points: Points) -> Tensor:
        return (points.z - points.z0).abs().sum(1)


class LatentL2:
    """½‖z − z₀‖₂²."""

    def measure(self, points: Points) -> Tensor:
        return 0.5 * (points.z - points.z0).square().sum(1)


class FeatureL2:
    """½‖φ(x) − φ(x₀)‖₂² in the features of an injected network.

    Args:
        features: x of n×``shape`` → n×F; it is frozen here.
    """

    def __init__(self, features: nn.Module) -> None:
        InputError.collect(objects(nn.Module, features=features))
        self.features = features.eval().requires_grad_(False)

    def measure(self, points: Points) -> Tensor:
        with torch.no_grad():
            original = self.features(points.x0)
        return 0.5 * (self.features(points.x) - original).flatten(1).square().sum(1)
