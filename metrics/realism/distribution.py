"""Distances of a set of feature vectors to a reference set, whose part of the work is done once."""

import torch
from torch import Tensor


class FrechetDistance:
    """‖μ − μ_r‖² + tr(Σ + Σ_r − 2 (Σ Σ_r)^½) of Gaussians fitted to features and to reference features.

    Heusel et al. 2017, eq. 6; in float64. With fewer samples than features the covariances are
    singular, and the distance is too large: values compare at equal numbers of samples.

    Args:
        reference: M×d.
        weights: how much each row counts, M, not negative; ``None`` for all alike. See ``class_weights``.
    """

    def __init__(self, reference: Tensor, weights: Tensor | None = None) -> None:
        self.n, reference = len(reference), reference.double()
        weights = _weights(reference, weights)
        self.mean, covariance = weights @ reference, _covariance(reference, weights)
        self.trace, self.root = covariance.trace(), _square_root(covariance)

    def __call__(self, features: Tensor) -> float:
        """Of N×d; NaN with fewer than two rows here or in the reference, and where one is not finite."""
        if min(len(features), self.n) < 2 or not (features.isfinite().all() and self.root.isfinite().all()):
            return float("nan")
        features = features.double()
        covariance = _covariance(features, _weights(features))
        # tr (Σ Σ_r)^½ by a symmetric matrix of the same eigenvalues, which are not negative but for rounding.
        cross = torch.linalg.eigvalsh(self.root @ covariance @ self.root).clamp(min=0).sqrt().sum()
        mean = (features.mean(0) - self.mean).square().sum()
        return float((mean + covariance.trace() + self.trace - 2 * cross).clamp(min=0))


class KernelDistance:
    """Squared maximum mean discrepancy with the kernel (xᵀy / d + 1)³, unbiased (KID).

    Bińkowski et al. 2018, eq. 4: zero on average where the distributions are the same, so that it may be
    slightly negative, and it does not depend on the numbers of samples.

    Args:
        reference: M×d.
        weights: as in ``FrechetDistance``.
        most: reference rows in use, the first ones.
    """

    def __init__(self, reference: Tensor, weights: Tensor | None = None, most: int = 5000) -> None:
        self.reference = reference[:most].double()
        self.weights = _weights(self.reference, None if weights is None else weights[:most])
        self.within = _mean_within(self.reference, self.weights)

    def __call__(self, features: Tensor) -> float:
        """Of N×d; NaN with fewer than two rows here or in the reference."""
        features = features.double()
        if min(len(features), len(self.reference)) < 2:
            return float("nan")
        own = _weights(features)
        across = _kernel_mean(features, own, self.reference, self.weights)
        return _mean_within(features, own) + self.within - 2 * across


def class_weights(labels: Tensor, counts: Tensor) -> Tensor:
    """How much rows of classes (M int64) must count for the classes to have the proportions of ``counts`` (K); M.

    A class that no row has is left out.
    """
    return (counts.double() / torch.bincount(labels, minlength=len(counts)).clamp(min=1))[labels]


def in_proportion(labels: Tensor, counts: Tensor) -> Tensor:
    """The first rows of every class: as many as are counted, or fewer in the same proportions where there are fewer.

    Args:
        labels: classes, M int64.
        counts: rows that are wanted of each class, K int64; of classes that no row has none are taken.

    Returns:
        Rows in ascending order, int64.
    """
    there = torch.bincount(labels, minlength=len(counts))
    wanted = counts * (there > 0)
    short = (wanted > there).nonzero()[:, 0]
    # The scarcest class c gives all that it has, n_c of the k_c that are wanted: n_c / k_c of the others' counts.
    scarcest = short[(there[short] / wanted[short]).argmin()] if len(short) else None
    take = wanted if scarcest is None else wanted * there[scarcest] // wanted[scarcest]
    of_class = torch.nn.functional.one_hot(labels, len(counts)).cumsum(0)
    return (of_class.gather(1, labels[:, None])[:, 0] <= take[labels]).nonzero()[:, 0]


def _weights(x: Tensor, weights: Tensor | None = None) -> Tensor:
    """Of N×d, adding up to one."""
    weights = torch.ones(len(x)) if weights is None else weights
    return (weights.double() / weights.double().sum()).to(x.device)


def _covariance(x: Tensor, weights: Tensor) -> Tensor:
    """Unbiased for weights that add up to one; of one row 0."""
    centred = x - weights @ x
    return (centred * weights[:, None]).mT @ centred / _pairs(weights)


def _pairs(weights: Tensor) -> Tensor:
    """Σ wᵢ wⱼ over i ≠ j: 1 − 1 / N where all are alike; 1 for a single row, which has no pair."""
    pairs = 1 - weights.square().sum()
    return torch.where(pairs > 1e-12, pairs, 1.0)


def _square_root(matrix: Tensor) -> Tensor:
    """Of a symmetric matrix without negative eigenvalues; NaN where it is not finite."""
    if not matrix.isfinite().all():
        return torch.full_like(matrix, torch.nan)
    values, vectors = torch.linalg.eigh(matrix)
    return vectors * values.clamp(min=0).sqrt() @ vectors.mT


def _mean_within(x: Tensor, weights: Tensor) -> float:
    """Mean kernel of the pairs i ≠ j."""
    own = weights.square() @ (x.square().sum(1) / x.shape[1] + 1).pow(3)
    return float((_kernel_mean(x, weights, x, weights) - own) / _pairs(weights))


def _kernel_mean(a: Tensor, of_a: Tensor, b: Tensor, of_b: Tensor) -> float:
    """Σ wᵢ wⱼ (aᵢᵀbⱼ / d + 1)³, in parts that fit."""
    parts = zip(a.split(4096), of_a.split(4096), strict=True)
    return sum(float(w @ (part @ b.mT / a.shape[1] + 1).pow(3) @ of_b) for part, w in parts)
