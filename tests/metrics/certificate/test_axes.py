import pytest
import torch

from metrics import Axes


def test_the_coordinates_of_least_spread() -> None:
    spread = torch.linspace(1, 0.01, 64)
    z = 3 + spread * torch.randn(4000, 64)
    axes = Axes.fit(z)
    assert sorted(axes.which.tolist()) == list(range(48, 64))
    assert torch.allclose(axes.std, spread[axes.which], rtol=0.1)
    assert torch.allclose(axes.mean, torch.full((16,), 3.0), atol=0.01)


def test_distance_of_real_samples_and_of_noise() -> None:
    spread = torch.cat([torch.ones(384), torch.full((128,), 0.05)])
    axes = Axes.fit(spread * torch.randn(2000, 512))
    real = spread * torch.randn(500, 512)
    noisy = real + 0.2 * torch.randn(500, 512)
    assert float(axes.distance(real).mean()) == pytest.approx(0.67, abs=0.05)
    assert axes.distance(noisy).quantile(0.01) > axes.distance(real).quantile(0.99)
    assert noisy.norm(dim=1).mean() < 1.03 * real.norm(dim=1).mean(), "which the norm hardly tells"


def test_a_coordinate_in_which_real_samples_do_not_vary_at_all() -> None:
    z = torch.randn(9, 4)
    z[:, 3] = 1
    axes = Axes.fit(z)
    assert axes.which.tolist() == [3] and axes.distance(z + 1).min() > 1e5


def test_no_axes_in_space() -> None:
    assert Axes.fit(torch.randn(9, 3)).distance(torch.randn(2, 3)).tolist() == [0, 0]


def test_latents_that_are_not_finite_are_left_out() -> None:
    z = torch.randn(50, 8)
    sick = torch.cat([z, torch.full((3, 8), torch.nan)])
    assert all(torch.equal(a, b) for a, b in zip(Axes.fit(sick), Axes.fit(z), strict=True))
    assert Axes.fit(sick[-3:]).distance(z).tolist() == [0.0] * 50
