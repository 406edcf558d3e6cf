import numpy as np
import pytest
import torch
from torch import Tensor

from datamodules import Digits
from metrics import Grain
from metrics.certificate.grain import runs


def smooth(n: int, seed: int) -> Tensor:
    """Images whose detail falls with its frequency, each by a sharpness of its own, in 256 grey values; N×1×16×16."""
    generator = torch.Generator().manual_seed(seed)
    frequency = (torch.fft.fftfreq(16)[:, None].square() + torch.fft.rfftfreq(16).square()).sqrt()
    sharpness = 6 + 6 * torch.rand(n, 1, 1, 1, generator=generator)
    noise = torch.fft.rfft2(torch.randn(n, 1, 16, 16, generator=generator))
    x = torch.fft.irfft2(noise * torch.exp(-sharpness * frequency), s=(16, 16)) * 0.1 + 0.5
    return rounded(x)


def rounded(x: Tensor) -> Tensor:
    return (x.clamp(0, 1) * 255).round() / 255


def test_runs_of_differences_counted_by_hand() -> None:
    """Rows of 0, 1, 3, 3 steps have differences 1, 2, 0, and columns 0, 0, 0; both signs count together."""
    x = torch.tensor([0.0, 1.0, 3.0, 3.0]).expand(1, 1, 4, 4) * 0.01
    found = runs(torch.cat([x, -x, x.mT]), 0.01).square()
    code = (1 + 2) + 5 * (2 + 2) + 25 * 2
    assert found.shape == (3, 63) and found[0, 62] == pytest.approx(0.5), "of no differences, once with each sign"
    assert found[0, min(code, 124 - code)] == pytest.approx(0.25) and found[0].nonzero().numel() == 2
    assert torch.equal(found[0], found[1]) and torch.equal(found[0], found[2])
    assert runs(x + torch.tensor([0.0, 9.0, 0.0, 9.0]), 0.01).square()[0, 62] == pytest.approx(0.5), (
        "larger ones end at 2"
    )


@pytest.mark.parametrize("sigma", [2.5 / 255, 0.1])
def test_noise_has_more_grain_than_sharpness(sigma: float) -> None:
    """Noise of two and a half grey values, which nobody sees, and what is far stronger than the noise learned from."""
    grain = Grain(**Grain.learn(smooth(1500, 0)))
    real, generator = smooth(400, 1), torch.Generator().manual_seed(2)
    noisy = rounded(real + sigma * torch.randn(real.shape, generator=generator))
    usual, strange = grain(real), grain(noisy)
    assert np.mean(usual < 0) > 0.95
    assert np.mean(strange > np.quantile(usual, 0.97)) > 0.95
    # Signs of a gradient are not white noise, and nobody has learned from them.
    signs = rounded(real + sigma * torch.randn(real.shape, generator=generator).sign())
    assert np.mean(grain(signs) > np.quantile(usual, 0.97)) > 0.95


def test_on_eight_by_eight_pixels_and_on_images_with_nothing_in_them() -> None:
    data = Digits()
    train, test = (data.split(name).x for name in ("train", "test"))
    grain = Grain(**Grain.learn(train, data.levels))
    noise = 0.2 * torch.randn(test.shape, generator=torch.Generator().manual_seed(0))
    noisy = ((test + noise).clamp(0, 1) * 16).round() / 16
    assert np.mean(grain(noisy) > np.quantile(grain(test), 0.96)) > 0.9
    assert np.isfinite(grain(torch.zeros(2, 1, 8, 8))).all() and np.isfinite(grain(torch.ones(2, 1, 8, 8))).all()


@pytest.mark.parametrize("levels", [2, 256, 65536, None])
def test_rows_are_independent_and_colours_count(levels: int | None) -> None:
    x = torch.rand(300, 3, 9, 7, generator=torch.Generator().manual_seed(0))
    x = x if levels is None else (x * (levels - 1)).round() / (levels - 1)
    grain = Grain(**Grain.learn(x, levels))
    assert grain(x[:5]).shape == (5,) and np.allclose(grain(x[3:4]), grain(x[:5])[3:4])


def test_an_image_that_is_not_finite_has_none() -> None:
    x = smooth(60, 0)
    grain = Grain(**Grain.learn(x))
    sick = x[:4].clone()
    sick[1, 0, 0, 0] = torch.nan
    found = grain(sick)
    assert np.isnan(found[1]) and np.allclose(np.delete(found, 1), np.delete(grain(x[:4]), 1))


def test_what_a_chart_leaves_in_all_that_it_decodes_is_not_looked_for() -> None:
    """A solver's error here: waves along the rows, which noise of the same size is told from."""
    train, real, generator = smooth(1500, 0), smooth(400, 1), torch.Generator().manual_seed(2)
    waves = 0.015 * torch.tensor([1.0, -1.0]).repeat(8)
    noisy = rounded(real + 0.03 * torch.randn(real.shape, generator=generator))
    alone, with_it = (Grain(**Grain.learn(train, 256, back)) for back in (None, rounded(train[:200] + waves)))
    alarms = [np.mean(g(rounded(real + waves)) > np.quantile(g(real), 0.96)) for g in (alone, with_it)]
    assert alarms[0] > 0.9 and alarms[1] < 0.5
    assert np.mean(with_it(noisy) > np.quantile(with_it(real), 0.96)) > 0.9
