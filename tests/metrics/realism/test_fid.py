import numpy as np
import scipy.linalg
import torch

from metrics import FID
from networks import MLP, Features


def frechet(a: np.ndarray, b: np.ndarray) -> float:
    """|μ₁ − μ₂|² + tr(Σ₁ + Σ₂ − 2 (Σ₁Σ₂)^½), in float64 with scipy's matrix square root."""
    s1, s2 = np.cov(a, rowvar=False), np.cov(b, rowvar=False)
    root = scipy.linalg.sqrtm(s1 @ s2).real
    return float(((a.mean(0) - b.mean(0)) ** 2).sum() + np.trace(s1 + s2 - 2 * root))


def test_against_scipy() -> None:
    extractor = Features(MLP([1, 3, 3], 2, hidden=[], mean=0.0, std=1.0))
    real, fake = torch.rand(200, 1, 3, 3), torch.rand(150, 1, 3, 3) ** 2
    metric = FID(extractor, (1, 3, 3))
    for part in real.split(64):
        metric.update(part, real=True)
    for part in fake.split(37):
        metric.update(part, real=False)
    expected = frechet(real.flatten(1).double().numpy(), fake.flatten(1).double().numpy())
    assert abs(float(metric.compute()) - expected) < 1e-4


def test_too_few_images_are_not_a_number_and_never_negative() -> None:
    metric = FID(Features(MLP([1, 8, 8], 2, hidden=[])), (1, 8, 8))
    metric.update(torch.rand(5, 1, 8, 8), real=True)
    assert metric.compute().isnan()
    metric.update(torch.rand(5, 1, 8, 8), real=False)
    assert metric.compute() >= 0


def test_features_that_are_not_finite_give_nan() -> None:
    """LAPACK may end the process where it is given them."""
    metric = FID(Features(MLP([1, 3, 3], 2, hidden=[])), (1, 3, 3))
    metric.update(torch.rand(20, 1, 3, 3), real=True)
    metric.update(torch.full((20, 1, 3, 3), torch.nan), real=False)
    assert metric.compute().isnan()
