"""The progressive GAN (Karras et al. 2018, arXiv 1710.10196): it learns small images first, and grows."""

from collections.abc import Iterable, Sequence
from itertools import pairwise
from math import ceil, sqrt
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from networks.gans.equalised import EqualConv2d, EqualLinear, MinibatchDeviation, PixelNorm
from networks.gans.generator import Critic, Generator, check_widths

GAIN = sqrt(2)  # of layers before a rectifier


class Growth(nn.Module):
    """How far a network has grown: stage 0 has 4×4 pixels, and between two stages both are blended.

    Images are always of the full size: what a stage of fewer pixels makes is repeated, and what it sees is averaged.

    Attributes:
        grown: in [0, ``last``]; a buffer, so that a checkpoint keeps it.
        last: the stage of the full size.
    """

    grown: Tensor

    def __init__(self, last: int) -> None:
        super().__init__()
        self.last = last
        self.register_buffer("grown", torch.tensor(float(last)))
        self._read: float | None = None  # the buffer's value: on a GPU reading it waits for the card

    def set(self, grown: float) -> None:
        """Further than the last stage is the last stage."""
        self._read = min(max(grown, 0.0), float(self.last))
        self.grown.fill_(self._read)

    def _load_from_state_dict(self, *args: Any, **kwargs: Any) -> None:
        super()._load_from_state_dict(*args, **kwargs)
        self._read = None

    def blend(self) -> tuple[int, float]:
        """The larger of the two stages, and its share in (0, 1]; stage 0 is alone."""
        if self._read is None:
            self._read = float(self.grown)
        upper = ceil(self._read)
        return upper, self._read - upper + 1 if upper else 1.0

    def unused(self, by_stage: nn.ModuleList) -> list[nn.Module]:
        """Of one module a stage those of the stages that are not blended."""
        upper, share = self.blend()
        used = (upper,) if share == 1 else (upper - 1, upper)
        return [module for stage, module in enumerate(by_stage) if stage not in used]


class ProgressiveGenerator(Generator):
    """4×4 pixels, doubled with two convolutions each; pixel normalisation and equalised learning rates.

    Args:
        shape: ``[C, H, W]``, square, with a side of four times a power of two.
        latent_dim: 511 in Dombrowski et al., IV.B, beside a label of one coordinate.
        widths: channels of the stages from 4×4 on.
        num_classes: see ``Generator``.

    Shapes:
        z of B×D → B×C×H×W in [0, 1].

    Raises:
        InputError: another size of image, or not as many widths as stages.
    """

    def __init__(
        self,
        shape: Sequence[int],
        latent_dim: int = 511,
        widths: Sequence[int] = (128, 128, 64, 32, 16),
        num_classes: int | None = None,
    ) -> None:
        super().__init__(shape, latent_dim, num_classes)
        self.growth = Growth(check_widths(shape, widths))
        self.start = nn.Sequential(
            PixelNorm(),
            EqualLinear(self.dim, 16 * widths[0], gain=GAIN / 4),
            nn.Unflatten(1, (widths[0], 4, 4)),
            nn.LeakyReLU(0.2),
            PixelNorm(),
            *_convolved(widths[0], widths[0], PixelNorm()),
        )
        self.blocks = nn.ModuleList(
            nn.Sequential(
                nn.Upsample(scale_factor=2),
                *_convolved(c_in, c_out, PixelNorm()),
                *_convolved(c_out, c_out, PixelNorm()),
            )
            for c_in, c_out in pairwise(widths)
        )
        self.to_image = nn.ModuleList(EqualConv2d(width, shape[0], 1) for width in widths)

    def forward(self, z: Tensor) -> Tensor:
        upper, share = self.growth.blend()
        h = small = self.start(z)
        for block in self.blocks[:upper]:
            small, h = h, block(h)
        image = self.to_image[upper](h)
        if share < 1:
            image = torch.lerp(_resized(self.to_image[upper - 1](small), image.shape[2:]), image, share)
        image = image + idle([*self.blocks[upper:], *self.growth.unused(self.to_image)])
        return torch.sigmoid(_resized(image, self.shape[1:]))


class ProgressiveDiscriminator(nn.Module):
    """The mirror of ``ProgressiveGenerator``: two convolutions and a pooling a stage, then the batch's deviation.

    Args:
        shape, widths, num_classes: as of the generator.

    Shapes:
        x of B×C×H×W in [0, 1], y of B int64 where it is conditional → B logits, positive where x seems real.
    """

    def __init__(
        self, shape: Sequence[int], widths: Sequence[int] = (128, 128, 64, 32, 16), num_classes: int | None = None
    ) -> None:
        super().__init__()
        self.shape = tuple(shape)
        self.growth = Growth(check_widths(shape, widths))
        self.from_image = nn.ModuleList(
            nn.Sequential(EqualConv2d(shape[0], width, 1, GAIN), nn.LeakyReLU(0.2)) for width in widths
        )
        self.blocks = nn.ModuleList(
            nn.Sequential(*_convolved(c_in, c_in), *_convolved(c_in, c_out), nn.AvgPool2d(2))
            for c_out, c_in in pairwise(widths)
        )
        self.end = nn.Sequential(
            MinibatchDeviation(),
            *_convolved(widths[0] + 1, widths[0]),
            nn.Flatten(),
            EqualLinear(16 * widths[0], widths[0], gain=GAIN),
            nn.LeakyReLU(0.2),
        )
        self.critic = Critic(widths[0], num_classes, EqualLinear)

    def forward(self, x: Tensor, y: Tensor | None = None) -> Tensor:
        upper, share = self.growth.blend()
        seen = F.adaptive_avg_pool2d(2 * x - 1, 4 * 2**upper)
        h = self.from_image[upper](seen)
        if upper:
            h = self.blocks[upper - 1](h)
            h = h if share == 1 else torch.lerp(self.from_image[upper - 1](F.avg_pool2d(seen, 2)), h, share)
        for block in reversed(self.blocks[: max(upper - 1, 0)]):
            h = block(h)
        h = h + idle([*self.blocks[upper:], *self.growth.unused(self.from_image)])
        return self.critic(self.end(h), y)


def idle(modules: Iterable[nn.Module]) -> Tensor | float:
    """Zero, with a gradient of zero to every parameter of the modules: distributed training waits for all of them."""
    return sum((0.0 * p.sum() for module in modules for p in module.parameters()), start=0.0)


def _convolved(c_in: int, c_out: int, *after: nn.Module) -> tuple[nn.Module, ...]:
    return EqualConv2d(c_in, c_out, gain=GAIN), nn.LeakyReLU(0.2), *after


def _resized(image: Tensor, size: Sequence[int]) -> Tensor:
    return image if image.shape[2:] == tuple(size) else F.interpolate(image, tuple(size), mode="nearest")
