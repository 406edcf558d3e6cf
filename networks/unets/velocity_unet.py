"""The velocity field of a continuous flow on images."""

import math
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from networks.checks import each, image, whole
from networks.errors import InputError


class VelocityUNet(nn.Module):
    """v(x, t): a U-Net whose residual blocks are modulated by the time (Ho et al. 2020, appendix B).

    Args:
        shape: ``[C, H, W]`` of one sample; H and W multiples of patch · 2^(stages − 1).
        widths: channels of the stages; the second and every later one halves the resolution.
        blocks: residual blocks a stage, on the way down and on the way up.
        patch: pixels a side that are stacked into channels before the first stage: 2 quarters the
            cost, for images whose finest detail matters less. ``None`` for the smallest that leaves 32
            or fewer a side.
        num_conditions: classes, or entries of the attribute vector, that it is conditional on.

    Shapes:
        x of B×C×H×W, t of B in [0, 1], condition of B×``num_conditions`` → B×C×H×W.

    Raises:
        InputError: height or width that cannot be halved so often.
    """

    def __init__(
        self,
        shape: Sequence[int],
        widths: Sequence[int] = (32, 64, 64),
        blocks: int = 1,
        patch: int | None = None,
        num_conditions: int = 0,
    ) -> None:
        super().__init__()
        InputError.collect(
            image(shape)
            + each(whole, 1, widths=widths)
            + whole(1, blocks=blocks)
            + ([] if patch is None else whole(1, patch=patch))
            + whole(0, num_conditions=num_conditions)
        )
        channels, height, width = shape
        patch = patch or next(p for p in range(-(-height // 32), height + 1) if height % p == 0)
        unit = patch * 2 ** (len(widths) - 1)
        if height % unit or width % unit:
            raise InputError(
                f"images of {height}×{width} cannot be halved {len(widths) - 1} times after patches of {patch}: height "
                f"and width must be multiples of {unit}. Resize the images (--data.size), or take fewer widths or "
                "smaller patches"
            )
        self.shape, self.patch, self.num_conditions = tuple(shape), patch, num_conditions
        time = 4 * widths[0]
        self.embed = nn.Sequential(_Frequencies(time), nn.Linear(time, time), nn.SiLU(), nn.Linear(time, time))
        self.embed_condition = nn.Linear(num_conditions, time) if num_conditions else None
        self.first = nn.Conv2d(channels * patch**2, widths[0], 3, padding=1)
        self.down, self.up, self.halve = nn.ModuleList(), nn.ModuleList(), nn.ModuleList()
        skips, now = [], widths[0]
        for i, w in enumerate(widths):
            self.halve.append(nn.Conv2d(now, w, 3, stride=2, padding=1) if i else nn.Identity())
            now = w
            self.down.append(nn.ModuleList(_Block(w, w, time) for _ in range(blocks)))
            skips.append(w)
        self.middle = _Block(now, now, time)
        for w, skip in zip(reversed(widths), reversed(skips), strict=True):
            first = _Block(now + skip, w, time)
            self.up.append(nn.ModuleList([first, *(_Block(w, w, time) for _ in range(blocks - 1))]))
            now = w
        self.norm = _norm(now)
        self.last = _zero(nn.Conv2d(now, channels * patch**2, 3, padding=1))

    def forward(self, x: Tensor, t: Tensor, condition: Tensor | None = None) -> Tensor:
        e = self.embed(t)
        if self.embed_condition is not None:
            e = e + self.embed_condition(condition)
        e = F.silu(e)
        h = self.first(F.pixel_unshuffle(x, self.patch))
        skips = []
        for halve, blocks in zip(self.halve, self.down, strict=True):
            h = halve(h)
            for block in blocks:  # type: ignore[attr-defined]
                h = block(h, e)
            skips.append(h)
        h = self.middle(h, e)
        for i, blocks in enumerate(self.up):
            skip = skips.pop()
            h = torch.cat([h if i == 0 else F.interpolate(h, scale_factor=2.0), skip], 1)
            for block in blocks:  # type: ignore[attr-defined]
                h = block(h, e)
        return F.pixel_shuffle(self.last(F.silu(self.norm(h))), self.patch)


class _Block(nn.Module):
    """x + conv(silu(FiLM(norm(conv(silu(norm(x))))))); starts as the identity."""

    def __init__(self, channels_in: int, channels_out: int, time: int) -> None:
        super().__init__()
        self.norm, self.first = _norm(channels_in), nn.Conv2d(channels_in, channels_out, 3, padding=1)
        self.film = nn.Linear(time, 2 * channels_out)
        self.second_norm = _norm(channels_out)
        self.second = _zero(nn.Conv2d(channels_out, channels_out, 3, padding=1))
        self.skip = nn.Conv2d(channels_in, channels_out, 1) if channels_in != channels_out else nn.Identity()

    def forward(self, h: Tensor, e: Tensor) -> Tensor:
        scale, shift = self.film(e)[:, :, None, None].chunk(2, 1)
        r = self.second_norm(self.first(F.silu(self.norm(h)))) * (1 + scale) + shift
        return self.skip(h) + self.second(F.silu(r))


class _Frequencies(nn.Module):
    """t of B → cos and sin of ω t, B×dim, ω from 1 to 100 evenly in the logarithm: smooth enough for few steps."""

    omega: Tensor

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.register_buffer("omega", torch.logspace(0, 2, dim // 2), persistent=False)

    def forward(self, t: Tensor) -> Tensor:
        phase = t[:, None] * self.omega
        return torch.cat([phase.cos(), phase.sin()], 1)


def _norm(channels: int) -> nn.GroupNorm:
    return nn.GroupNorm(math.gcd(channels, 8), channels)


def _zero(conv: nn.Conv2d) -> nn.Conv2d:
    nn.init.zeros_(conv.weight)
    nn.init.zeros_(conv.bias)  # type: ignore[arg-type]
    return conv
