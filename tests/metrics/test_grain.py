import numpy as np
import torch
from torch import Tensor

from datamodules import Digits
from metrics import Grain


def smooth(n: int, seed: int) -> Tensor:
    """Images whose detail falls with its frequency, each by a sharpness of its own; N×1×16×16."""
    generator = torch.Generator().manual_seed(seed)
    frequency = (torch.fft.fftfreq(16)[:, None].square() + torch.fft.rfftfreq(16).square()).sqrt()
    sharpness = 6 + 6 * torch.rand(n, 1, 1, 1, generator=generator)
    noise = torch.fft.rfft2(torch.randn(n, 1, 16, 16, generator=generator))
    return torch.fft.irfft2(noise * torch.exp(-sharpness * frequency), s=(16, 16)) * 0.1 + 0.5


def test_noise_has_more_grain_than_sharpness() -> None:
    grain = Grain(**Grain.learn(smooth(1500, 0)))
    real, generator = smooth(400, 1), torch.Generator().manual_seed(2)
    noisy = real + 0.01 * torch.randn(real.shape, generator=generator)
    usual, strange = grain(real), grain(noisy)
    assert abs(np.mean(usual)) < 0.1
    assert np.mean(strange > np.quantile(usual, 0.97)) > 0.95
    # Sharp real images have more fine detail, and are not called strange for it.
    sharpness = np.log(real.diff(dim=3).square().flatten(1).mean(1).numpy())
    assert abs(np.corrcoef(sharpness, usual)[0, 1]) < 0.3


def test_images_with_nothing_in_them_are_finite() -> None:
    data = Digits()
    train = data.split("train")
    grain = Grain(**Grain.learn(train.__getitems__(range(len(train)))["x"]))
    assert np.isfinite(grain(torch.zeros(2, 1, 8, 8))).all() and np.isfinite(grain(torch.ones(2, 1, 8, 8))).all()


def test_rows_are_independent_and_colours_count() -> None:
    x = torch.rand(300, 3, 9, 7)
    grain = Grain(**Grain.learn(x))
    assert grain(x[:5]).shape == (5,) and np.allclose(grain(x[3:4]), grain(x[:5])[3:4])


def test_an_image_that_is_not_finite_has_none() -> None:
    x = smooth(60, 0)
    grain = Grain(**Grain.learn(x))
    sick = x[:4].clone()
    sick[1, 0, 0, 0] = torch.nan
    found = grain(sick)
    assert np.isnan(found[1]) and np.allclose(np.delete(found, 1), np.delete(grain(x[:4]), 1))
