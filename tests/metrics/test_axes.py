import pytest
import torch

from metrics import Axes


def test_the_coordinates_of_least_spread() -> None:
    spread = torch.linspace(1, 0.01, 64)
    z = 3 + spread * torch.randn(4000, 64)
    axes = Axes.fit(z)
    assert sorted(axes.which.tolist()) == [60, 61, 62, 63]
    assert torch.allclose(axes.std, spread[axes.which], rtol=0.1)
    assert torch.allclose(axes.mean, torch.full((4,), 3.0), atol=0.01)


def test_distance_of_real_samples_and_of_noise() -> None:
    spread = torch.cat([torch.ones(480), torch.full((32,), 0.05)])
    axes = Axes.fit(spread * torch.randn(2000, 512))
    real = spread * torch.randn(500, 512)
    noisy = real + 0.2 * torch.randn(500, 512)
    assert float(axes.distance(real).mean()) == pytest.approx(0.67, abs=0.05)
    assert axes.distance(noisy).quantile(0.01) > axes.distance(real).quantile(0.99)
    assert noisy.norm(dim=1).mean() < 1.03 * real.norm(dim=1).mean(), "which the norm hardly tells"


def test_a_single_coordinate() -> None:
    axes = Axes.fit(torch.tensor([[0.0, 1.0], [2.0, 1.0]]))
    assert axes.which.tolist() == [1] and axes.distance(torch.tensor([[0.0, 2.0]])) > 1e5
