import pytest
import torch

from networks import InputError
from networks.flows import cell_bounds, dequantize


def test_noise_fills_the_cell_around_the_grey_value() -> None:
    levels = 17
    x = torch.randint(levels, (200_000,)).float() / (levels - 1)
    noise = (dequantize(x, levels) - x) * (levels - 1)
    assert noise.min() >= -0.5001 and noise.max() <= 0.5001
    assert abs(noise.mean()) < 0.005 and abs(noise.var() - 1 / 12) < 0.002
    low, high = cell_bounds(levels)
    assert dequantize(x, levels).min() >= low and dequantize(x, levels).max() <= high


def test_the_generator_alone_decides() -> None:
    x = torch.rand(50)
    first, second = (dequantize(x, 256, torch.Generator().manual_seed(3)) for _ in range(2))
    assert torch.equal(first, second)


def test_fewer_bits_share_cells_around_the_undegraded_image() -> None:
    x = torch.arange(256).repeat(500) / 255
    noisy = dequantize(x, 256, n_bits=5)
    cell = (noisy * 255 + 0.5) / 8
    assert torch.equal(cell.clamp(max=31.999).floor(), (torch.arange(256) // 8).repeat(500).float())
    assert abs((cell % 1).mean() - 0.5) < 0.005 and abs((cell % 1).var() - 1 / 12) < 0.002
    low, high = cell_bounds(256)
    assert noisy.min() >= low and noisy.max() <= high
    assert (noisy - x).abs().max() <= 8 / 255


@pytest.mark.parametrize(("levels", "n_bits"), [(256, 9), (17, 3), (256, 0)])
def test_bits_that_do_not_fit_are_refused(levels: int, n_bits: int) -> None:
    with pytest.raises(InputError, match=f"n_bits={n_bits} does not fit {levels} grey values"):
        dequantize(torch.rand(3), levels, n_bits=n_bits)
