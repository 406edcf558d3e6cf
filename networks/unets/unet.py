"""U-Net that counts: a map of where objects stand, and how many there are."""

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from networks.checks import each, finite, image, positive, whole
from networks.errors import InputError

LEAK = 0.01  # slope of a count below zero


class Counted(NamedTuple):
    """What a counting network says of B images.

    Attributes:
        counts: number of objects, B; no integer, and where there are none a little below 0.
        map_logits: of the probability that an object stands at a pixel, B×1×H×W.
    """

    counts: Tensor
    map_logits: Tensor


class UNet(nn.Module):
    """Count and head map of an image (Ronneberger et al. 2015; Ribera et al. 2019; Dombrowski et al., IV.B.1).

    The count is read off the coarsest features and the mass of the map, by two layers. Counts are not
    negative: the paper's network ends in a ReLU, here it leaks a little, because a search must find its
    way up from an image that has nobody in it.

    Args:
        shape: ``[C, H, W]`` of one image with values in [0, 1]; H and W multiples of 2^(stages − 1).
        widths: channels of the stages; the second and every later one halves the resolution. The
            paper's are 64-128-256-512.
        hidden: width of the count's hidden layer.
        mean, std: x is normalised as ``(x - mean) / std`` inside the network.

    Shapes:
        x of B×C×H×W → counts of B.

    Raises:
        InputError: height or width that cannot be halved so often.
    """

    def __init__(
        self,
        shape: Sequence[int],
        widths: Sequence[int] = (64, 128, 256, 512),
        hidden: int = 64,
        mean: float = 0.5,
        std: float = 0.25,
    ) -> None:
        super().__init__()
        InputError.collect(
            image(shape)
            + each(whole, 1, widths=widths)
            + whole(1, hidden=hidden)
            + finite(mean=mean)
            + positive(std=std)
        )
        channels, height, width = shape
        if height % (unit := 2 ** (len(widths) - 1)) or width % unit:
            raise InputError(
                f"images of {height}×{width} cannot be halved {len(widths) - 1} times: height and width must be "
                f"multiples of {unit}. Resize the images (--data.size), or take fewer widths"
            )
        self.shape, self.mean, self.std = tuple(shape), mean, std
        self.down = nn.ModuleList(_stage(a, b) for a, b in pairwise([channels, *widths]))
        ways_up = list(pairwise(reversed(widths)))
        self.up = nn.ModuleList(_stage(coarse + fine, fine) for coarse, fine in ways_up)
        self.to_map = nn.Conv2d(widths[0], 1, 1)
        self.num_features = widths[-1]
        count = [nn.Linear(self.num_features + 1, hidden), nn.ReLU(), nn.Linear(hidden, 1), nn.LeakyReLU(LEAK)]
        self.to_count = nn.Sequential(*count)

    def forward(self, x: Tensor) -> Tensor:
        return self.count_and_map(x).counts

    def count_and_map(self, x: Tensor) -> Counted:
        """Both outputs at once."""
        skips = self._contract(x)
        h = skips.pop()
        features = self.pooled(h)
        for stage in self.up:
            h = F.interpolate(h, scale_factor=2.0, mode="bilinear")
            h = stage(torch.cat([skips.pop(), h], 1))
        map_logits = self.to_map(h)
        mass = map_logits.sigmoid().sum((2, 3)) / 10  # objects cover some ten pixels of the map
        return Counted(self.to_count(torch.cat([features, mass], 1))[:, 0], map_logits)

    def feature_maps(self, x: Tensor) -> Tensor:
        """The coarsest activations, B×``num_features``×h×w."""
        return self._contract(x)[-1]

    def pooled(self, maps: Tensor) -> Tensor:
        """The features of feature maps, B×``num_features``."""
        return maps.mean((2, 3))

    def features(self, x: Tensor) -> Tensor:
        """Mean of the coarsest activations, B×``num_features``."""
        return self.pooled(self.feature_maps(x))

    def _contract(self, x: Tensor) -> list[Tensor]:
        h, skips = (x - self.mean) / self.std, []
        for i, stage in enumerate(self.down):
            h = stage(F.max_pool2d(h, 2) if i else h)
            skips.append(h)
        return skips


def _stage(c_in: int, c_out: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(c_in, c_out, 3, padding=1, bias=False),
        nn.BatchNorm2d(c_out),
        nn.ReLU(),
        nn.Conv2d(c_out, c_out, 3, padding=1, bias=False),
        nn.BatchNorm2d(c_out),
        nn.ReLU(),
    )
