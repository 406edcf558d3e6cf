import math

import numpy as np
import pytest
import torch
from scipy.linalg import sqrtm
from torchmetrics.image.kid import poly_mmd

from metrics import FrechetDistance, KernelDistance, class_weights, in_proportion


@pytest.mark.parametrize(("n", "d"), [(200, 6), (10, 20)])
def test_frechet_against_scipy(n: int, d: int) -> None:
    generator = torch.Generator().manual_seed(0)
    a, b = torch.randn(n, d, generator=generator) * 2 + 1, torch.randn(3 * n, d, generator=generator)
    x, y = a.double().numpy(), b.double().numpy()
    root = sqrtm(np.cov(x.T) @ np.cov(y.T)).real
    expected = ((x.mean(0) - y.mean(0)) ** 2).sum() + np.trace(np.cov(x.T) + np.cov(y.T) - 2 * root)
    assert FrechetDistance(b)(a) == pytest.approx(expected, rel=1e-6)


def test_weights_against_numpy() -> None:
    generator = torch.Generator().manual_seed(0)
    a, b, w = (torch.randn(*s, generator=generator).double() for s in ((30, 3), (40, 3), (40,)))
    w = w.square()
    gaussian = FrechetDistance(b, w)
    x, y, v = a.numpy(), b.numpy(), (w / w.sum()).numpy()
    assert np.allclose(gaussian.mean, v @ y)
    assert np.allclose(gaussian.root @ gaussian.root, np.cov(y.T, aweights=v))
    kernel = lambda p, q: (p @ q.T / 3 + 1) ** 3  # noqa: E731
    unlike = lambda k, p: (p @ k @ p - (p**2) @ np.diag(k)) / (1 - (p**2).sum())  # noqa: E731
    within = unlike(kernel(x, x), np.full(30, 1 / 30)) + unlike(kernel(y, y), v)
    assert KernelDistance(b, w)(a) == pytest.approx(within - 2 * kernel(x, y).mean(0) @ v)


def test_another_mix_of_classes_is_no_distance() -> None:
    """Two classes far apart, nine of the first to one of the second, against as many of both."""
    generator = torch.Generator().manual_seed(0)
    labels = torch.arange(2000) % 2
    real = torch.randn(2000, 3, generator=generator) + 5 * labels[:, None]
    counts = torch.tensor([900, 100])
    fake = torch.randn(1000, 3, generator=generator) + 5 * (torch.arange(1000) >= 900)[:, None]
    for distance in (FrechetDistance, KernelDistance):
        in_mix, in_all = distance(real, class_weights(labels, counts))(fake), distance(real)(fake)
        assert abs(in_mix) < 0.01 * in_all


def test_as_many_of_every_class_as_there_are_in_proportion() -> None:
    labels = torch.tensor([0, 1, 0, 2, 1, 0, 0, 1])
    assert in_proportion(labels, torch.tensor([2, 1, 0])).tolist() == [0, 1, 2]
    assert in_proportion(labels, torch.tensor([4, 6, 0])).tolist() == [0, 1, 2, 4, 7], "half of what is asked for"
    assert in_proportion(labels, torch.tensor([1, 0, 1, 5])).tolist() == [0, 3], "of the last one there are none"
    weights = class_weights(labels, torch.tensor([2, 1, 0]))
    assert [float(weights[labels == k].sum()) for k in range(3)] == pytest.approx([2, 1, 0])


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
