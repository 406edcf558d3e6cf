"""What a decoder's output says of x: its mean, and how likely an x is."""

import math
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from networks.checks import positive
from networks.errors import InputError
from networks.flows.layers.first_batch import sum_over_ranks

MOMENTUM = 0.9  # weight of the past in a running variance


class Likelihood(nn.Module):
    """p(x|z) with independent entries, of which a decoder gives one unbounded number each."""

    def mean(self, output: Tensor) -> Tensor:
        """E[x|z] of B×``shape``, in the data's range, of the decoder's output of that shape."""
        raise NotImplementedError

    def log_prob(self, x: Tensor, output: Tensor) -> Tensor:
        """log p(x|z) in nats, summed over the entries; x and output of B×``shape`` → B."""
        raise NotImplementedError


class Bernoulli(Likelihood):
    """Black or white pixels, of which the output is the logit.

    Grey values in [0, 1] go, too: the number is then minus the cross-entropy between grey value and mean, no
    probability, but largest where the mean is x.
    """

    def mean(self, output: Tensor) -> Tensor:
        return output.sigmoid()

    def log_prob(self, x: Tensor, output: Tensor) -> Tensor:
        return -F.binary_cross_entropy_with_logits(output.to(x), x, reduction="none").flatten(1).sum(1)


class Gaussian(Likelihood):
    """N(mean(output), σ²) with one learned σ² for all entries (the σ-VAE of Rybkin et al. 2021, arXiv 2006.13202).

    Args:
        activation: makes the mean of the output; a sigmoid, for images in [0, 1], unless given.
            ``torch.nn.Identity`` for data of any range.
        floor: the least σ²: an exactly reconstructed set would otherwise drive it to 0, and the density to ∞.

    Raises:
        InputError: a floor that is not positive.
    """

    def __init__(self, activation: nn.Module | None = None, floor: float = 1e-4) -> None:
        super().__init__()
        _check_floor(floor)
        self.activation = activation or nn.Sigmoid()
        self.floor = floor
        self.log_variance = nn.Parameter(torch.zeros(()))

    @property
    def variance(self) -> Tensor:
        """σ², a scalar. The floor is added, as a clamp would have no gradient below it, and no way back."""
        return self.floor + self.log_variance.exp()

    def mean(self, output: Tensor) -> Tensor:
        return self.activation(output)

    def log_prob(self, x: Tensor, output: Tensor) -> Tensor:
        return _normal_log_prob(x, self.mean(output.to(x)), self.variance)


class BatchGaussian(Likelihood):
    """N(mean(output), σ²) with σ² of every entry from the reconstruction errors of past batches.

    VAEX (Vercheval & Pižurica 2021, II-A): σ² ← 0.9 σ² + 0.1 · mean over the batch of (x − mean)², in training
    alone, after a batch's log-probability has been taken with the σ² of before. It is not learned by gradients,
    so that the reconstruction cannot buy itself a lower loss by it. Ranks share their errors.

    Args:
        shape: of one sample, any.
        activation: see ``Gaussian``.
        floor: the least σ² that counts: a pixel that never changes has an error of 0.

    Attributes:
        running_variance: σ², ``shape``; 1 to begin with. A buffer: checkpoints keep it.

    Raises:
        InputError: a floor that is not positive.
    """

    running_variance: Tensor

    def __init__(self, shape: Sequence[int], activation: nn.Module | None = None, floor: float = 1e-4) -> None:
        super().__init__()
        _check_floor(floor)
        self.activation = activation or nn.Sigmoid()
        self.floor = floor
        self.register_buffer("running_variance", torch.ones(*shape))

    @property
    def variance(self) -> Tensor:
        """σ², ``shape``."""
        return self.running_variance.clamp(min=self.floor)

    def mean(self, output: Tensor) -> Tensor:
        return self.activation(output)

    def log_prob(self, x: Tensor, output: Tensor) -> Tensor:
        mean = self.mean(output.to(x))
        log_prob = _normal_log_prob(x, mean, self.variance)
        if self.training:
            self._update((x - mean).detach())
        return log_prob

    @torch.no_grad()
    def _update(self, error: Tensor) -> None:
        sums = torch.stack([error.square().sum(0), torch.full_like(error[0], len(error))])
        squares, count = sum_over_ranks(sums)
        self.running_variance.lerp_((squares / count).to(self.running_variance), 1 - MOMENTUM)


def _check_floor(floor: float) -> None:
    if positive(floor=floor):
        raise InputError(f"the floor of a variance must be positive; got {floor}: take e.g. 1e-4")


def _normal_log_prob(x: Tensor, mean: Tensor, variance: Tensor) -> Tensor:
    """log N(x; mean, variance), summed over the entries; x and mean of B×``shape`` → B."""
    each = (x - mean).square() / variance + variance.log() + math.log(2 * math.pi)
    return -0.5 * each.flatten(1).sum(1)
