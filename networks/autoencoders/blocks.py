"""Building blocks of hierarchical autoencoders: VAEX's, after NVAE."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn


def conv_block(c_in: int, c_out: int, stride: int = 1) -> nn.Sequential:
    """Batch normalisation, hard swish, 3×3 convolution (Vercheval & Pižurica 2021, II-C).

    The statistics have a momentum of 0.2, as a batch of 32 images of one resolution says little. With stride 2
    height and width are halved upwards.
    """
    return nn.Sequential(*_activated(c_in), nn.Conv2d(c_in, c_out, 3, stride, padding=1, bias=False))


def doubling_block(c_in: int, c_out: int, size: tuple[int, int]) -> nn.Sequential:
    """The same with a transposed convolution, to height and width ``size`` from half of it, rounded upwards."""
    even = (1 - size[0] % 2, 1 - size[1] % 2)
    up = nn.ConvTranspose2d(c_in, c_out, 3, stride=2, padding=1, output_padding=even, bias=False)
    return nn.Sequential(*_activated(c_in), up)


def _activated(channels: int) -> tuple[nn.Module, nn.Module]:
    return nn.BatchNorm2d(channels, momentum=0.2), nn.Hardswish()


class SqueezeExcite(nn.Module):
    """Every channel scaled by what all of them are on average (Hu et al. 2017, arXiv 1709.01507).

    Shapes:
        x of B×C×H×W → the same.
    """

    def __init__(self, channels: int, reduction: int = 10) -> None:
        super().__init__()
        squeezed = max(4, channels // reduction)
        self.layers = nn.Sequential(
            nn.Linear(channels, squeezed), nn.ReLU(), nn.Linear(squeezed, channels), nn.Sigmoid()
        )

    def forward(self, x: Tensor) -> Tensor:
        return x * self.layers(x.mean((2, 3)))[:, :, None, None]


class ResidualBlock(nn.Module):
    """x + SE(conv block), ``depth`` times, and then the step to another width and size.

    The residual of that step is interpolated (paper, III-A): what is where stays known at every resolution.

    Args:
        c_in, c_out: channels.
        size: height and width of what comes out; what goes in has double or half, rounded upwards.
        down: which of the two.
        depth: residual layers before it.

    Shapes:
        x of B×c_in×H×W → B×c_out×``size``.
    """

    def __init__(self, c_in: int, c_out: int, size: tuple[int, int], down: bool, depth: int = 1) -> None:
        super().__init__()
        self.size = size
        self.layers = nn.ModuleList(nn.Sequential(conv_block(c_in, c_in), SqueezeExcite(c_in)) for _ in range(depth))
        step = conv_block(c_in, c_out, stride=2) if down else doubling_block(c_in, c_out, size)
        self.step = nn.Sequential(step, SqueezeExcite(c_out))
        self.skip = nn.Conv2d(c_in, c_out, 1, bias=False) if c_in != c_out else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        for layer in self.layers:
            x = x + layer(x)
        skip = F.interpolate(self.skip(x), self.size, mode="bilinear", align_corners=False)
        return skip + self.step(x)


class AdaIN(nn.Module):
    """instance_norm(d) · sigmoid(s) + μ, s and μ linear in the latent above (Huang & Belongie 2017; VAEX, III-A).

    It alters the statistics of the features on the path immediately before the next latent's prior: they cannot
    ignore it, as they can what is concatenated.

    Args:
        channels: of the features.
        latent: channels, height and width of the latent above.
        size: height and width of the features.

    Attributes:
        out_channels: of what it returns.

    Shapes:
        d of B×``channels``×``size``, z of B×``latent`` → B×``out_channels``×``size``.
    """

    def __init__(self, channels: int, latent: tuple[int, int, int], size: tuple[int, int]) -> None:
        super().__init__()
        self.out_channels = channels
        self.style = nn.Linear(latent[0] * latent[1] * latent[2], 2 * channels)

    def forward(self, d: Tensor, z: Tensor) -> Tensor:
        s, mu = self.style(z.flatten(1))[:, :, None, None].chunk(2, 1)
        variance, mean = torch.var_mean(d, (2, 3), correction=0, keepdim=True)
        return (d - mean) * torch.rsqrt(variance + 1e-5) * s.sigmoid() + mu


class Concatenation(nn.Module):
    """The latent above beside the features, after an inverted bottleneck: NVAE's way, and ``VAEXcat``'s.

    Sandler et al. 2018 (MobileNetV2): to four times the channels, a depth-wise 5×5 convolution, and back.

    Args, attributes, shapes: see ``AdaIN``.
    """

    def __init__(self, channels: int, latent: tuple[int, int, int], size: tuple[int, int]) -> None:
        super().__init__()
        c, self.size = latent[0], size
        wide = 4 * c
        self.out_channels = channels + c
        self.bottleneck = nn.Sequential(
            *_activated(c),
            nn.Conv2d(c, wide, 1, bias=False),
            *_activated(wide),
            nn.Conv2d(wide, wide, 5, padding=2, groups=wide, bias=False),
            *_activated(wide),
            nn.Conv2d(wide, c, 1, bias=False),
            nn.BatchNorm2d(c, momentum=0.2),
            SqueezeExcite(c),
        )

    def forward(self, d: Tensor, z: Tensor) -> Tensor:
        beside = self.bottleneck(F.interpolate(z, self.size, mode="bilinear", align_corners=False))
        return torch.cat([d, beside], 1)
