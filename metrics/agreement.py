"""Whether a predictor's classes are the labels'."""

from typing import NamedTuple

import numpy as np
from scipy.optimize import linear_sum_assignment

LIKELY = 0.7  # agreement from which another order of the classes is meant to be
ENOUGH = 16  # samples that can tell chance from little more
DEVIATIONS = 2.0  # above chance, in standard deviations: less is near it


class Agreement(NamedTuple):
    """How often predicted classes are the labels.

    Attributes:
        agree: samples of which they are.
        n: samples.
        by_chance: whether guessing one of the K classes at random would do as well.
        order: for every class of the labels the predictor's output that fits it best, one to one, where that makes
            ``ordered`` of the samples agree and most do; else ``None``.
        ordered: see ``order``.
    """

    agree: int
    n: int
    by_chance: bool
    order: list[int] | None
    ordered: int


def agreement(said: np.ndarray, labels: np.ndarray, num_classes: int) -> Agreement:
    """Compare predicted classes with labels.

    Args:
        said, labels: in 0 … K − 1, n integers.
        num_classes: K.
    """
    n, agree, chance = len(labels), int((said == labels).sum()), 1 / num_classes
    limit = chance + DEVIATIONS * np.sqrt(chance * (1 - chance) / n) * (n >= ENOUGH) if n else 0.0
    counts = np.zeros((num_classes, num_classes), dtype=np.int64)
    np.add.at(counts, (labels, said), 1)
    # Outputs that fit nothing stay where they are, as far as they can.
    order = linear_sum_assignment(counts + 0.5 * np.eye(num_classes) / num_classes, maximize=True)[1]
    ordered = int(counts[np.arange(num_classes), order].sum())
    other = ordered > 2 * agree and ordered >= LIKELY * n
    return Agreement(agree, n, bool(n and agree / n <= limit), order.tolist() if other else None, ordered)
