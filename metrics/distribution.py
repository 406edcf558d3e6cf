"""Distances of a set of feature vectors to a reference set, whose part of the work is done once."""

import torch
from torch import Tensor


class FrechetDistance:
    """‖μ − μ_r‖² + tr(Σ + Σ_r − 2 (Σ Σ_r)^½) of Gaussians fitted to features and to reference features.

    Heusel et al. 2017, eq. 6; in float64. With fewer samples than features the covariances are
    singular, and the distance is too large: values compare at equal numbers of samples.

    Args:
        reference: M×d.
    """

    def __init__(self, reference: Tensor) -> None:
        self.n, reference = len(reference), reference.double()
        self.mean, covariance = reference.mean(0), _covariance(reference)
        self.trace, self.root = covariance.trace(), _square_root(covariance)

    def __call__(self, features: Tensor) -> float:
        """Of N×d; NaN with fewer than two rows here or in the reference, and where one is not finite."""
        if min(len(features), self.n) < 2 or not (features.isfinite().all() and self.root.isfinite().all()):
            return float("nan")
        features = features.double()
        covariance = _covariance(features)
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
        most: reference rows in use, the first ones.
    """

    def __init__(self, reference: Tensor, most: int = 5000) -> None:
        self.reference = reference[:most].double()
        self.within = _mean_within(self.reference)

    def __call__(self, features: Tensor) -> float:
        """Of N×d; NaN with fewer than two rows here or in the reference."""
        features, m = features.double(), len(self.reference)
        if min(len(features), m) < 2:
            return float("nan")
        across = _kernel_sum(features, self.reference) / (len(features) * m)
        return _mean_within(features) + self.within - 2 * across


def _covariance(x: Tensor) -> Tensor:
    centred = x - x.mean(0)
    return centred.mT @ centred / max(len(x) - 1, 1)


def _square_root(matrix: Tensor) -> Tensor:
    """Of a symmetric matrix without negative eigenvalues; NaN where it is not finite."""
    if not matrix.isfinite().all():
        return torch.full_like(matrix, torch.nan)
    values, vectors = torch.linalg.eigh(matrix)
    return vectors * values.clamp(min=0).sqrt() @ vectors.mT


def _mean_within(x: Tensor) -> float:
    """Mean kernel of the pairs i ≠ j."""
    n = len(x)
    own = float((x.square().sum(1) / x.shape[1] + 1).pow(3).sum())
    return (_kernel_sum(x, x) - own) / max(n * (n - 1), 1)


def _kernel_sum(a: Tensor, b: Tensor) -> float:
    """Σ (aᵢᵀbⱼ / d + 1)³, in parts that fit."""
    return sum(float((part @ b.mT / a.shape[1] + 1).pow(3).sum()) for part in a.split(4096))
