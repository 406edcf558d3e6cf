"""Losses between a map of probabilities and the points that it should show."""

import math
from functools import reduce

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from networks.checks import negative, not_negative, positive
from networks.errors import InputError

EPSILON = 1e-6


class WeightedHausdorff(nn.Module):
    """Weighted Hausdorff distance of a map p and the points Y (Ribera et al. 2019, eq. 5), in pixels:

    1/(S + ε) Σ_x p_x min_y d(x, y) + 1/|Y| Σ_y M_α,x [p_x d(x, y) + (1 − p_x) d_max], S = Σ_x p_x,

    M_α the generalised mean over the pixels x, d_max the diagonal. The first term keeps mass away from where
    nobody is, the second wants some mass at everybody. An image without points, for which the distance is
    not defined, gives d_max times the mean of p: mass is bad wherever it is.

    Args:
        alpha: α < 0; −1 as in the paper. The more negative, the more like a minimum.

    Shapes:
        map_logits and points (1 where a point is, else 0) of B×1×H×W → a scalar, the mean over the batch.

    Raises:
        InputError: an α that is not negative and finite.
    """

    def __init__(self, alpha: float = -1.0) -> None:
        super().__init__()
        InputError.collect(negative(alpha=alpha))
        self.alpha = alpha

    def forward(self, map_logits: Tensor, points: Tensor) -> Tensor:
        logits = map_logits.flatten(1)
        places = torch.cartesian_prod(*(torch.arange(n, device=logits.device) for n in points.shape[2:])).float()
        distances = [self._distance(a, places, y) for a, y in zip(logits, points.flatten(1).bool(), strict=True)]
        return torch.stack(distances).mean()

    def _distance(self, logits: Tensor, places: Tensor, here: Tensor) -> Tensor:
        """Of one image; logits of N, ``places`` of all pixels N×2, ``here`` N bool."""
        p, rest = logits.sigmoid(), (-logits).sigmoid()
        d_max = math.hypot(*(places.max(0).values + 1).tolist())
        if not here.any():
            return d_max * p.mean()
        d = torch.cdist(places, places[here])
        astray = (p * d.min(1).values).sum() / (p.sum() + EPSILON)
        missed = p[:, None] * d + rest[:, None] * d_max
        # By logarithms: powers of a distance leave float32's range, and their gradients are NaN then.
        powers = (missed + EPSILON).log().mul(self.alpha).logsumexp(0) - math.log(len(p))
        return astray + powers.div(self.alpha).exp().mean()


class BlurredFocal(nn.Module):
    """Focal loss (Lin et al. 2017) to a map in which every point is a Gaussian of height one.

    For a target t and p = σ(logits): |t − p|^γ times the binary cross-entropy of p to t; summed over
    pixels, divided by the pixels that a Gaussian covers, mean over the batch.

    Args:
        sigma: standard deviation of the Gaussians, in pixels.
        gamma: γ ≥ 0; 0 for binary cross-entropy.

    Shapes:
        as ``WeightedHausdorff``.
    """

    def __init__(self, sigma: float = 1.5, gamma: float = 2.0) -> None:
        super().__init__()
        InputError.collect(positive(sigma=sigma) + not_negative(gamma=gamma))
        self.sigma, self.gamma = sigma, gamma

    def forward(self, map_logits: Tensor, points: Tensor) -> Tensor:
        target = blur(points, self.sigma)
        bce = F.binary_cross_entropy_with_logits(map_logits, target, reduction="none")
        weight = (target - map_logits.sigmoid()).abs().pow(self.gamma)
        return (weight * bce).sum() / (len(points) * 2 * math.pi * self.sigma**2)


def blur(points: Tensor, sigma: float) -> Tensor:
    """Gaussians of height one at the points, the larger one where two meet; B×1×H×W.

    The maximum of shifted copies, first down and then across: a convolution would add up where two meet.
    """
    radius = math.ceil(3 * sigma)
    for axis in (2, 3):
        padded = F.pad(points, (radius, radius) if axis == 3 else (0, 0, radius, radius))
        shifted = (
            padded.narrow(axis, radius + k, points.shape[axis]) * math.exp(-(k**2) / (2 * sigma**2))
            for k in range(-radius, radius + 1)
        )
        points = reduce(torch.maximum, shifted)
    return points
