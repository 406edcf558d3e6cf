"""A linear head on a flow's latent."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from networks.checks import whole
from networks.errors import InputError


class LinearHead(nn.Module):
    """f(x) = softmax(β NN(x) + b) on an invertible NN (Hvilshøj 2020, *Generating Counterfactual Explanations*).

    The slides' σ(βᵀ NN(x)) for K classes; for two, β of the slides is β₁ − β₀. The base is N(0, I), as for any flow:
    the likelihood makes all classes together normal, and the cross-entropy parts them by hyperplanes.

    Args:
        dim: D.
        num_classes: K ≥ 2; 0 in a config for the data's.

    Shapes:
        z of B×D → logits of B×K.
    """

    def __init__(self, dim: int, num_classes: int) -> None:
        super().__init__()
        InputError.collect(whole(1, dim=dim) + whole(2, num_classes=num_classes))
        self.dim = dim
        self.weight = nn.Parameter(torch.randn(num_classes, dim) / math.sqrt(dim))
        self.bias = nn.Parameter(torch.zeros(num_classes))

    def forward(self, z: Tensor) -> Tensor:
        return F.linear(z, self.weight, self.bias)

    def told_apart(self, z: Tensor) -> Tensor:
        """The same for a cross-entropy, which is all that β learns from."""
        return self(z)

    def log_prob(self, z: Tensor) -> Tensor:
        """log N(z; 0, I), B, in nats."""
        return -0.5 * (z.square().sum(1) + self.dim * math.log(2 * math.pi))

    def direction(self, source: Tensor, target: Tensor) -> Tensor:
        """β_t − β_s of classes n, n×D: the normal of the hyperplane between them."""
        return self.weight[target] - self.weight[source]

    def sample(self, n: int, temperature: float = 1.0, generator: torch.Generator | None = None) -> Tensor:
        """n points of N(0, temperature²), n×D."""
        return temperature * torch.randn(n, self.dim, generator=generator).to(self.weight)
