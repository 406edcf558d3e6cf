from math import sqrt

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from networks import InputError
from networks.gans import (
    AdaptiveAugment,
    EqualConv2d,
    EqualLinear,
    MinibatchDeviation,
    ModulatedConv2d,
    PixelNorm,
)
from networks.gans.stylegan2 import halved, low_pass, upsampled


def test_equalised_layers_against_loops() -> None:
    linear, conv = EqualLinear(6, 4, bias=0.5, rate=0.01, gain=2.0), EqualConv2d(3, 5, gain=sqrt(2))
    x, image = torch.randn(7, 6), torch.randn(2, 3, 6, 5)
    by_hand = [[sum(x[n, i] * linear.weight[o, i] for i in range(6)) for o in range(4)] for n in range(7)]
    assert torch.allclose(linear(x), torch.tensor(by_hand) * 2.0 * 0.01 / sqrt(6) + 0.5, atol=1e-5)
    padded, out = F.pad(image, (1, 1, 1, 1)), torch.zeros(2, 5, 6, 5)
    for o in range(5):
        for row in range(6):
            for column in range(5):
                seen = padded[:, :, row : row + 3, column : column + 3]
                out[:, o, row, column] = (seen * conv.weight[o]).sum((1, 2, 3)) * sqrt(2) / sqrt(27)
    assert torch.allclose(conv(image), out, atol=1e-5)


def test_equalised_layers_keep_the_variance() -> None:
    torch.manual_seed(0)
    for rate in (1.0, 0.01):
        assert 0.9 < float(EqualLinear(400, 400, rate=rate)(torch.randn(200, 400)).std()) < 1.1


def modulated_by_hand(conv: ModulatedConv2d, x: Tensor, w: Tensor) -> Tensor:
    """One image after the other, with zeros between the pixels in place of a transposed convolution."""
    out = []
    for image, style in zip(x, conv.style(w), strict=True):
        weight = conv.scale * conv.weight * style[:, None, None]
        if conv.demodulate:
            weight = weight / (weight.square().sum((1, 2, 3), keepdim=True) + 1e-8).sqrt()
        if conv.up:
            c, height, width = image.shape
            sparse = torch.zeros(c, 2 * height - 1, 2 * width - 1)
            sparse[:, ::2, ::2] = image
            wide = F.conv2d(F.pad(sparse, (2, 2, 2, 2))[None], weight.flip(2, 3))  # a transposed one does not flip
            out.append(low_pass(wide, 4.0, (1, 1))[0])
        else:
            out.append(F.conv2d(image[None], weight, padding=conv.padding)[0])
    return torch.stack(out)


@pytest.mark.parametrize(("kernel", "demodulate", "up"), [(3, True, False), (1, False, False), (3, True, True)])
def test_modulated_convolutions_against_a_loop(kernel: int, demodulate: bool, up: bool) -> None:
    torch.manual_seed(0)
    conv = ModulatedConv2d(4, 6, 5, kernel, demodulate, up)
    x, w = torch.randn(3, 4, 8, 8), torch.randn(3, 5)
    out = conv(x, w)
    assert out.shape == (3, 6, 16, 16) if up else (3, 6, 8, 8)
    assert torch.allclose(out, modulated_by_hand(conv, x, w), atol=1e-5)


def test_demodulated_outputs_have_variance_one() -> None:
    torch.manual_seed(0)
    out = ModulatedConv2d(64, 64, 8)(torch.randn(4, 64, 16, 16), 5 * torch.randn(4, 8))
    assert 0.8 < float(out[:, :, 2:-2, 2:-2].std()) < 1.2


def test_filters_keep_what_is_flat() -> None:
    flat = torch.full((1, 2, 8, 8), 3.0)
    for changed, size in ((upsampled(flat), 16), (halved(flat), 4)):
        assert changed.shape == (1, 2, size, size)
        assert torch.allclose(changed[:, :, 1:-2, 1:-2], torch.tensor(3.0), atol=1e-6)


def test_pixel_norm() -> None:
    x = PixelNorm()(5 * torch.randn(2, 8, 3, 3))
    assert torch.allclose(x.square().mean(1), torch.ones(2, 3, 3), atol=1e-5)


def test_a_batch_without_variety_shows() -> None:
    layer, x = MinibatchDeviation(4), torch.rand(6, 3, 4, 4)
    deviation = layer(x)[:, 3]
    assert torch.allclose(deviation[0], x[:4].std(0, correction=0).mean().expand(4, 4), atol=1e-3)
    assert torch.allclose(deviation[5], x[4:].std(0, correction=0).mean().expand(4, 4), atol=1e-3)
    assert float(layer(x[:1].expand(6, -1, -1, -1))[:, 3].max()) < 1e-3


def test_augmentation_follows_the_discriminators_certainty() -> None:
    augment, x = AdaptiveAugment(target=0.5, images=100, most=0.6), torch.rand(8, 1, 16, 16)
    assert torch.equal(augment(x), x)
    augment.update(torch.ones(30))
    assert abs(float(augment.p) - 0.3) < 1e-6
    for _ in range(5):
        augment.update(torch.ones(30))
    assert abs(float(augment.p) - 0.6) < 1e-6, "no more than most"
    changed = augment(x.requires_grad_())
    assert not torch.equal(changed, x) and changed.shape == x.shape
    assert bool((torch.autograd.grad(changed.sum(), x)[0] != 0).any())
    augment.update(-torch.ones(20))
    assert abs(float(augment.p) - 0.4) < 1e-6
    with pytest.raises(InputError, match="most must lie in"):
        AdaptiveAugment(most=1.0)
