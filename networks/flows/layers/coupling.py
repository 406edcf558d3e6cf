"""Coupling layers on images: channel and checkerboard, additive and affine."""

from collections.abc import Callable, Sequence

import torch
from FrEIA.modules import InvertibleModule
from torch import Tensor, nn

Subnet = Callable[[int, int], nn.Module]


class ChannelCoupling(InvertibleModule):
    """z₁ = x₁, z₂ = x₂ · exp(s(x₁)) + t(x₁), with x split along the channels (RealNVP, 3.4).

    s = g · tanh(·) with one learned g per channel, as in RealNVP, keeps one coupling's scale within
    reach of its inverse. Additive couplings have s = 0 and log|det| = 0 (NICE, Dinh et al. 2015).

    Args:
        subnet: (channels in, channels out) → network for B×C×H×W; its last layer should start at
            zero. The condition is appended to its input as channels.
        affine: affine or additive.
        swap: transform the first channels by the others instead.
    """

    def __init__(self, dims_in, dims_c=None, subnet: Subnet | None = None, affine: bool = True, swap: bool = False):
        super().__init__(dims_in, dims_c)
        channels = dims_in[0][0]
        first = channels // 2 if not swap else channels - channels // 2
        self.sizes = (first, channels - first) if not swap else (channels - first, first)
        self.swap = swap
        kept, changed = self.sizes[swap], self.sizes[1 - swap]
        self.transform = Transform(subnet, kept + condition_channels(dims_c), changed, affine)

    def forward(self, x_or_z, c=None, rev=False, jac=True):
        parts = list(x_or_z[0].split(self.sizes, dim=1))
        kept = parts[self.swap]
        parts[1 - self.swap], log_det = self.transform(parts[1 - self.swap], with_condition(kept, c), rev)
        return (torch.cat(parts, 1),), log_det

    def output_dims(self, input_dims):
        return input_dims


class CheckerboardCoupling(InvertibleModule):
    """z = b⊙x + (1 − b)⊙(x · exp(s(b⊙x)) + t(b⊙x)), b a checkerboard (RealNVP, eq. 9 and Fig. 3).

    Args:
        subnet, affine: as in ``ChannelCoupling``.
        swap: b has ones where the other one has zeros.
    """

    mask: Tensor

    def __init__(self, dims_in, dims_c=None, subnet: Subnet | None = None, affine: bool = True, swap: bool = False):
        super().__init__(dims_in, dims_c)
        channels, height, width = dims_in[0]
        mask = (torch.arange(height)[:, None] + torch.arange(width) + swap) % 2 == 0
        self.register_buffer("mask", mask, persistent=False)
        self.transform = Transform(subnet, channels + condition_channels(dims_c), channels, affine)

    def forward(self, x_or_z, c=None, rev=False, jac=True):
        x = x_or_z[0]
        out, log_det = self.transform(x, with_condition(x * self.mask, c), rev, ~self.mask)
        return (out,), log_det

    def output_dims(self, input_dims):
        return input_dims


class Transform(nn.Module):
    """x · exp(s(h)) + t(h), or its inverse in x; s and t from a network of h."""

    def __init__(self, subnet: Subnet | None, channels_in: int, channels: int, affine: bool) -> None:
        super().__init__()
        if subnet is None:
            raise TypeError("a coupling needs a subnet: (channels in, channels out) -> module")
        self.affine = affine
        self.net = subnet(channels_in, 2 * channels if affine else channels)
        if affine:
            self.g = nn.Parameter(torch.ones(channels, 1, 1))

    def forward(self, x: Tensor, h: Tensor, rev: bool, where: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Transform x (B×C×H×W) at the positions ``where`` is true, given h; and log|det| of B."""
        if not self.affine:
            t = self.net(h) if where is None else self.net(h) * where
            return (x - t if rev else x + t), x.new_zeros(len(x))
        raw, t = self.net(h).chunk(2, dim=1)
        s = self.g * torch.tanh(raw)
        if where is not None:
            s, t = s * where, t * where
        log_det = s.flatten(1).sum(1)
        if rev:
            return (x - t) * torch.exp(-s), -log_det
        return x * torch.exp(s) + t, log_det


def condition_channels(dims_c: Sequence[Sequence[int]] | None) -> int:
    """Channels that the condition adds to a sub-network's input."""
    return sum(d[0] for d in dims_c or ())


def with_condition(h: Tensor, c: Sequence[Tensor] | None) -> Tensor:
    """h (B×C×H×W) with every condition vector (B×A) appended as A constant channels."""
    if not c:
        return h
    return torch.cat([h, *(v[:, :, None, None].expand(-1, -1, *h.shape[2:]) for v in c)], 1)
