"""Whether maps of importance agree, and whether they are right."""

from collections.abc import Callable
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor
from torchvision.transforms.functional import gaussian_blur

TOP = 0.1  # share of the pixels that count as the most important ones


class Curves(NamedTuple):
    """p of the explained class as its pixels go and come, n×(steps + 1) each; 0 to 1 of them, the important ones first.

    Attributes:
        deletion: pixels of x are blurred away.
        insertion: pixels of x come into its blurred self.
    """

    deletion: Tensor
    insertion: Tensor


def rank_correlation(a: Tensor, b: Tensor) -> Tensor:
    """Spearman's ρ of maps B×H×W, with mean ranks of ties, B; NaN where a map is constant."""
    ranks = [mean_ranks(m.flatten(1)) for m in (a, b)]
    centred = [r - r.mean(1, keepdim=True) for r in ranks]
    product = (centred[0] * centred[1]).sum(1)
    return (product / (centred[0].norm(dim=1) * centred[1].norm(dim=1))).to(a.dtype)


def mean_ranks(values: Tensor) -> Tensor:
    """Ranks from 0 along the last axis, of equal values the mean of theirs; B×D, float64."""
    ordered, values = values.sort(1).values, values.contiguous()
    below, above = (torch.searchsorted(ordered, values, right=right).double() for right in (False, True))
    return (below + above - 1) / 2


def top_overlap(a: Tensor, b: Tensor, share: float = TOP) -> Tensor:
    """Of the ``share`` of the pixels where a is largest, how many are among those where b is; B in [0, 1].

    By chance it is ``share`` itself. Of equal pixels the first count; NaN where a map is constant.
    """
    top = [_first(m.flatten(1)) < max(1, round(share * m[0].numel())) for m in (a, b)]
    both = (top[0] & top[1]).sum(1) / top[0].sum(1)
    constant = torch.stack([m.flatten(1).amax(1) == m.flatten(1).amin(1) for m in (a, b)]).any(0)
    return both.to(a.dtype).masked_fill(constant, torch.nan)


def _first(values: Tensor) -> Tensor:
    """Place of each in the order from the largest down, B×D."""
    return values.argsort(dim=1, descending=True, stable=True).argsort(dim=1)


@torch.no_grad()
def deletion_insertion(
    probability: Callable[[Tensor], Tensor], x: Tensor, importance: Tensor, steps: int = 20, blur: float = 0.1
) -> Curves:
    """Deletion and insertion curves (Petsiuk et al. 2018, *RISE*, 3.3), with a blurred image for what is not there.

    A black one, as in the paper, is no image of a class whose background is bright; blurring takes away what there is
    to see and leaves the rest.

    Args:
        probability: images n×C×H×W → p of the explained class, n.
        x: images.
        importance: n×H×W; the largest go, or come, first.
        steps: equal portions of the pixels.
        blur: standard deviation of the Gaussian, in shares of the image's smaller side.
    """
    place = _first(importance.flatten(1)).view(len(x), 1, *importance.shape[1:]) / importance[0].numel()
    away = blurred(x, blur)
    shares = [step / steps for step in range(steps + 1)]
    return Curves(
        deletion=torch.stack([probability(torch.where(place < share, away, x)) for share in shares], 1),
        insertion=torch.stack([probability(torch.where(place < share, x, away)) for share in shares], 1),
    )


def area(curve: Tensor) -> Tensor:
    """Under curves n×(steps + 1) over [0, 1], n."""
    return torch.trapezoid(curve, dx=1 / (curve.shape[1] - 1), dim=1)


def blurred(x: Tensor, share: float) -> Tensor:
    """Images n×C×H×W under a Gaussian whose standard deviation is ``share`` of the smaller side; edges are repeated."""
    side = min(x.shape[-2:])
    sigma = max(share * side, 0.5)
    reach = min(int(3 * sigma + 0.5), side)
    padded = F.pad(x, [reach] * 4, mode="replicate")
    return gaussian_blur(padded, [2 * reach + 1] * 2, [sigma] * 2)[..., reach:-reach, reach:-reach]
