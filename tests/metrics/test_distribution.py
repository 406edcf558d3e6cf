import math

import numpy as np
import pytest
import torch
from scipy.linalg import sqrtm
from torchmetrics.image.kid import poly_mmd

from metrics import FrechetDistance, KernelDistance


@pytest.mark.parametrize(("n", "d"), [(200, 6), (10, 20)])
def test_frechet_against_scipy(n: int, d: int) -> None:
    generator = torch.Generator().manual_seed(0)
    a, b = torch.randn(n, d, generator=generator) * 2 + 1, torch.randn(3 * n, d, generator=generator)
    x, y = a.double().numpy(), b.double().numpy()
    root = sqrtm(np.cov(x.T) @ np.cov(y.T)).real
    expected = ((x.mean(0) - y.mean(0)) ** 2).sum() + np.trace(np.cov(x.T) + np.cov(y.T) - 2 * root)
    assert FrechetDistance(b)(a) == pytest.approx(expected, rel=1e-6)


def test_frechet_of_the_same_set_is_zero() -> None:
    a = torch.randn(50, 4)
    assert FrechetDistance(a)(a) == pytest.approx(0, abs=1e-9)


def test_kernel_against_torchmetrics() -> None:
    a, b = torch.randn(60, 5) + 1, torch.randn(60, 5)
    assert KernelDistance(b)(a) == pytest.approx(float(poly_mmd(b.double(), a.double())), rel=1e-6)


def test_kernel_distance_of_one_distribution_is_zero_on_average() -> None:
    generator = torch.Generator().manual_seed(0)
    reference = torch.randn(500, 4, generator=generator)
    values = [KernelDistance(reference)(torch.randn(100, 4, generator=generator)) for _ in range(50)]
    assert abs(np.mean(values)) < 0.1 < KernelDistance(reference)(torch.randn(100, 4) + 1)


def test_kernel_distance_looks_at_the_first_references_alone() -> None:
    a, b = torch.randn(20, 3), torch.randn(50, 3)
    assert KernelDistance(b, most=30)(a) == pytest.approx(KernelDistance(b[:30])(a))


@pytest.mark.parametrize("distance", [FrechetDistance, KernelDistance])
def test_too_few_rows_are_not_a_number(distance: type) -> None:
    assert math.isnan(distance(torch.randn(9, 3))(torch.randn(1, 3)))
    assert math.isnan(distance(torch.randn(1, 3))(torch.randn(9, 3)))
    assert math.isnan(distance(torch.randn(9, 3))(torch.zeros(0, 3)))


def test_features_that_are_not_finite_give_nan() -> None:
    real = torch.randn(30, 4)
    sick = real.clone()
    sick[3, 1] = torch.nan
    for distance in (FrechetDistance, KernelDistance):
        assert math.isnan(distance(real)(sick)) and math.isnan(distance(sick)(real))
