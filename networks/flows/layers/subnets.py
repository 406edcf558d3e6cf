"""Networks inside the couplings of image flows."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.parametrizations import weight_norm


class ConvNet(nn.Module):
    """3×3 convolution, 1×1 convolution, 3×3 convolution that starts at zero (Glow, 3.3).

    Args:
        channels_in, channels_out: of the feature maps, B×C×H×W.
        width: channels between.
    """

    def __init__(self, channels_in: int, channels_out: int, width: int = 512) -> None:
        super().__init__()
        self.first = nn.Conv2d(channels_in, width, 3, padding=1)
        self.second = nn.Conv2d(width, width, 1)
        self.last = zero(nn.Conv2d(width, channels_out, 3, padding=1))
        for conv in (self.first, self.second):
            nn.init.kaiming_normal_(conv.weight)
            nn.init.zeros_(conv.bias)  # type: ignore[arg-type]

    def forward(self, h: Tensor) -> Tensor:
        return self.last(F.relu(self.second(F.relu(self.first(h)))))


class ResNet(nn.Module):
    """Residual blocks with weight normalisation, and an output that starts at zero (RealNVP, 3.2).

    Args:
        channels_in, channels_out: of the feature maps, B×C×H×W.
        width: channels of the blocks.
        num_blocks: residual blocks.
        groups: groups of each block's 3×3 convolution; more are cheaper, and a 1×1 convolution
            mixes them again.
    """

    def __init__(
        self, channels_in: int, channels_out: int, width: int = 64, num_blocks: int = 4, groups: int = 1
    ) -> None:
        super().__init__()
        self.first = weight_norm(nn.Conv2d(channels_in, width, 3, padding=1))
        self.blocks = nn.ModuleList(_Block(width, groups) for _ in range(num_blocks))
        self.last = zero(nn.Conv2d(width, channels_out, 1))

    def forward(self, h: Tensor) -> Tensor:
        h = self.first(h)
        for block in self.blocks:
            h = block(h)
        return self.last(F.silu(h))


class _Block(nn.Module):
    def __init__(self, width: int, groups: int) -> None:
        super().__init__()
        self.spatial = weight_norm(nn.Conv2d(width, width, 3, padding=1, groups=groups))
        self.mix = weight_norm(nn.Conv2d(width, width, 1 if groups > 1 else 3, padding=0 if groups > 1 else 1))

    def forward(self, h: Tensor) -> Tensor:
        return h + self.mix(F.silu(self.spatial(F.silu(h))))


class ZeroConv(nn.Conv2d):
    """3×3 convolution that starts at zero: Glow's learned prior of the channels that leave."""

    def __init__(self, channels_in: int, channels_out: int) -> None:
        super().__init__(channels_in, channels_out, 3, padding=1)
        zero(self)


def zero(conv: nn.Conv2d) -> nn.Conv2d:
    """The same layer with its weights at zero: the coupling around it starts as the identity."""
    with torch.no_grad():
        for p in conv.parameters():
            p.zero_()
    return conv
