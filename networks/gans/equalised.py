"""Layers whose learning rate does not depend on their size (Karras et al. 2018, arXiv 1710.10196, 4.1)."""

from math import sqrt

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class EqualLinear(nn.Module):
    """A linear layer with weights ~ N(0, 1), multiplied by He's constant 1/√fan_in at every use.

    Args:
        c_in, c_out: values in and out.
        bias: what the bias begins with.
        rate: factor of the layer's learning rate, here on weights and bias at every use (StyleGAN's mapping: 0.01).
        gain: factor of He's constant; √2 before a rectifier.

    Shapes:
        B×``c_in`` → B×``c_out``.
    """

    def __init__(self, c_in: int, c_out: int, bias: float = 0.0, rate: float = 1.0, gain: float = 1.0) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(c_out, c_in) / rate)
        self.bias = nn.Parameter(torch.full((c_out,), bias / rate))
        self.rate, self.scale = rate, gain * rate / sqrt(c_in)

    def forward(self, x: Tensor) -> Tensor:
        return F.linear(x, self.weight * self.scale, self.bias * self.rate)


class EqualConv2d(nn.Module):
    """The same for a convolution, which keeps height and width.

    Args:
        c_in, c_out: channels.
        kernel: side, odd.
        gain: see ``EqualLinear``.

    Shapes:
        B×``c_in``×H×W → B×``c_out``×H×W.
    """

    def __init__(self, c_in: int, c_out: int, kernel: int = 3, gain: float = 1.0) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(c_out, c_in, kernel, kernel))
        self.bias = nn.Parameter(torch.zeros(c_out))
        self.scale, self.padding = gain / sqrt(c_in * kernel**2), kernel // 2

    def forward(self, x: Tensor) -> Tensor:
        return F.conv2d(x, self.weight * self.scale, self.bias, padding=self.padding)


class PixelNorm(nn.Module):
    """x / √(mean of x² over channels), at every pixel (4.2): no signal grows out of bounds.

    Shapes:
        B×C or B×C×H×W → the same.
    """

    def forward(self, x: Tensor) -> Tensor:
        return x * torch.rsqrt(x.square().mean(1, keepdim=True) + 1e-8)


class MinibatchDeviation(nn.Module):
    """One more channel: how much images differ from others of the batch, on average (section 3).

    A generator without variety shows. The batch is taken in groups of ``group`` images, the last one of what is left.

    Shapes:
        B×C×H×W → B×(C + 1)×H×W.
    """

    def __init__(self, group: int = 4) -> None:
        super().__init__()
        self.group = group

    def forward(self, x: Tensor) -> Tensor:
        each = [
            part.var(0, correction=0).add(1e-8).sqrt().mean().expand(len(part), 1, *x.shape[2:])
            for part in x.split(self.group)
        ]
        return torch.cat([x, torch.cat(each)], 1)
