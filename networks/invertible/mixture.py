"""A base with one Gaussian a class."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from networks.checks import positive, whole
from networks.errors import InputError


class GaussianMixture(nn.Module):
    """p(z) = Σ_y π_y N(z; μ_y, I), and so log p(y | z) by Bayes (IB-INN, Ardizzone et al. 2020, eq. 10).

    All components have one covariance, so the posterior is that of a linear head whose weights are the means:
    log p(y | z) = μ_yᵀz − ½‖μ_y‖² + log π_y + const.

    Args:
        dim: D.
        num_classes: K ≥ 2; 0 in a config for the data's.
        distance: between every two means at the start, in standard deviations of a component. Means start on the axes,
            every class on each K-th one, and are learned, as the weights π.
        free_means: let the cross-entropy move the means, too, as IB-INN does. It classifies better, and draws the means
            apart to where no image is: the way from class to class is then ``counterfactuals.MeanEncodings``'.

    Shapes:
        z of B×D → logits of B×K.
    """

    def __init__(self, dim: int, num_classes: int, distance: float = 5.0, free_means: bool = False) -> None:
        super().__init__()
        InputError.collect(whole(1, dim=dim) + whole(2, num_classes=num_classes) + positive(distance=distance))
        if dim < num_classes:
            raise InputError(f"{num_classes} classes need as many dimensions at least; there are {dim}")
        self.dim, self.free_means = dim, free_means
        each = dim // num_classes
        means = torch.eye(num_classes).repeat(1, each) * distance / math.sqrt(2 * each)
        self.means = nn.Parameter(F.pad(means, (0, dim - each * num_classes)))
        self.log_weights = nn.Parameter(torch.zeros(num_classes))

    @property
    def weight(self) -> Tensor:
        """Of the equivalent linear head, K×D."""
        return self.means

    @property
    def bias(self) -> Tensor:
        """Of the equivalent linear head, K."""
        return self.log_weights.log_softmax(0) - 0.5 * self.means.square().sum(1)

    def forward(self, z: Tensor) -> Tensor:
        return F.linear(z, self.weight, self.bias)

    def told_apart(self, z: Tensor) -> Tensor:
        """The same for a cross-entropy: unless ``free_means``, it moves z alone, and μ_y stays its class's mean."""
        return self(z) if self.free_means else F.linear(z, self.weight.detach(), self.bias.detach())

    def log_prob(self, z: Tensor) -> Tensor:
        """log p(z), B, in nats: z's own distance to the origin, and what the logits add to it."""
        return self(z).logsumexp(1) - 0.5 * (z.square().sum(1) + self.dim * math.log(2 * math.pi))

    def direction(self, source: Tensor, target: Tensor) -> Tensor:
        """μ_t − μ_s of classes n, n×D: it takes N(μ_s, I) to N(μ_t, I)."""
        return self.means[target] - self.means[source]

    def sample(self, n: int, temperature: float = 1.0, generator: torch.Generator | None = None) -> Tensor:
        """n points of the classes 0, 1, … in turn, n×D, with a standard deviation of ``temperature`` within each."""
        noise = torch.randn(n, self.dim, generator=generator).to(self.means)
        return self.means[torch.arange(n, device=self.means.device) % len(self.means)] + temperature * noise
