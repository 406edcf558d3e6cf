import torch

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
