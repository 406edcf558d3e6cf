import pytest
import torch
import torch.nn.functional as F

from networks.autoencoders.blocks import AdaIN, Concatenation, ResidualBlock, SqueezeExcite


@pytest.mark.parametrize("size", [(8, 8), (7, 5), (2, 3)])
def test_down_and_up_again_give_the_size_back(size: tuple[int, int]) -> None:
    half = ((size[0] + 1) // 2, (size[1] + 1) // 2)
    down, up = ResidualBlock(3, 4, half, down=True), ResidualBlock(4, 3, size, down=False)
    x = torch.rand(2, 3, *size)
    assert down(x).shape == (2, 4, *half) and up(down(x)).shape == x.shape


def test_a_block_that_adds_nothing_interpolates() -> None:
    block = ResidualBlock(3, 3, (8, 8), down=False)
    for parameter in [*block.layers.parameters(), *block.step.parameters()]:
        torch.nn.init.zeros_(parameter)
    x = torch.rand(2, 3, 4, 4)
    assert torch.allclose(block(x), F.interpolate(x, (8, 8), mode="bilinear", align_corners=False))


def test_adain_gives_the_features_the_statistics_that_the_latent_asks_for() -> None:
    adain, d, z = (
        AdaIN(5, (2, 3, 3), (6, 6)).double(),
        torch.randn(4, 5, 6, 6).double(),
        torch.randn(4, 2, 3, 3).double(),
    )
    s, mu = adain.style(z.flatten(1)).chunk(2, 1)
    out = adain(d, z)
    assert torch.allclose(out.mean((2, 3)), mu)
    assert torch.allclose(out.std((2, 3), correction=0), s.sigmoid(), atol=1e-4)
    assert torch.allclose(out, F.instance_norm(d) * s.sigmoid()[:, :, None, None] + mu[:, :, None, None])


def test_concatenation_leaves_the_features_as_they_are() -> None:
    beside, d = Concatenation(5, (2, 3, 3), (6, 6)), torch.randn(4, 5, 6, 6)
    out = beside(d, torch.randn(4, 2, 3, 3))
    assert beside.out_channels == 7 and out.shape == (4, 7, 6, 6) and torch.equal(out[:, :5], d)


def test_squeeze_and_excitation_scales_channels() -> None:
    x = torch.rand(2, 8, 4, 4) + 0.1
    factors = SqueezeExcite(8)(x) / x
    assert torch.allclose(factors, factors[:, :, :1, :1].expand_as(x)) and 0 < factors.min() < factors.max() < 1
