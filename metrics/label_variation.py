"""Whether a counterfactual changed what it was not asked to change."""

import math

from torch import Tensor


def label_variation(before: Tensor, after: Tensor) -> Tensor:
    """Jensen-Shannon divergence of a bystander's class probabilities before and after, N in [0, 1].

    Label variation score of Hvilshøj et al. 2021 (arXiv 2111.00177): the bystander is a classifier of
    another label, which a change of the target's should leave alone. To the base of 2.

    Args:
        before, after: logits of x and x′, N×K.
    """
    p, q = before.log_softmax(1), after.log_softmax(1)
    log_middle = (p.exp() / 2 + q.exp() / 2).clamp(min=1e-30).log()
    divergences = [(r.exp() * (r - log_middle)).sum(1) for r in (p, q)]
    return ((divergences[0] + divergences[1]) / (2 * math.log(2))).clamp(0, 1)
