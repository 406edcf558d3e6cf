"""Whether the change is sparse and to the point."""

from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor, nn

softmax = partial(torch.softmax, dim=1)


@torch.no_grad()
def cout(
    predictor: nn.Module,
    x: Tensor,
    x_prime: Tensor,
    source: Tensor,
    target: Tensor,
    steps: int = 20,
    probabilities: Callable[[Tensor], Tensor] = softmax,
) -> Tensor:
    """Counterfactual transition score, N in [−1, 1] (Khorram & Fuxin 2022, *Cycle-consistent counterfactuals by
    latent transformations*, "COUT").

    Pixels of x are replaced by those of x′, most changed first, in ``steps`` equal portions; the score is
    the area under the target's probability less that under the source's. It is near 1 where few pixels
    carry the decision, and near −1 where the last ones do. A search that fools the predictor with a few pixels
    scores high as well: it says nothing about realism.

    Args:
        predictor: x → logits N×K.
        x, x_prime: originals and counterfactuals, N×C×H×W, or N×D.
        source, target: classes, N.
        steps: portions in which pixels are exchanged.
        probabilities: of logits, N×K.
    """
    size = (x_prime - x).abs()
    size = size.mean(1, keepdim=True) if x.ndim == 4 else size  # a pixel changes in all of its channels
    order = size.flatten(1).argsort(dim=1, descending=True, stable=True).argsort(dim=1)
    rank = order.view(size.shape).float() / order.shape[1]  # 0 for the most changed pixel, below 1 for the least
    both = torch.stack([source, target], 1)
    curves = torch.stack(
        [probabilities(predictor(torch.where(rank < t / steps, x_prime, x))).gather(1, both) for t in range(steps + 1)]
    )
    source_area, target_area = torch.trapezoid(curves, dx=1 / steps, dim=0).unbind(1)
    return target_area - source_area
