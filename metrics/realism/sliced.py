"""Are samples distributed as real images, without any network's opinion?"""

import torch
import torch.nn.functional as F
from torch import Tensor

PATCH, PATCHES, DIRECTIONS = 7, 16, 128
SMALLEST = 16  # side of the last level of the pyramid


@torch.no_grad()
def sliced_wasserstein(real: Tensor, made: Tensor, seed: int = 0) -> Tensor:
    """Sliced Wasserstein distance of patches of a Laplacian pyramid, averaged over its levels (Karras et al. 2018, 5).

    From every image 16 patches of 7×7 pixels are taken at every level, at the same places in both sets, normalised by
    channel with the real ones' mean and deviation, and compared along 128 directions. Of few images it is biased
    upwards: compare numbers of equally many alone.

    Args:
        real, made: B×C×H×W, equally many.
        seed: of places and directions.

    Returns:
        a scalar; 0 for equal sets.
    """
    generator = torch.Generator().manual_seed(seed)
    levels = [
        _distance(_patches(a, places), _patches(b, places), generator)
        for a, b in zip(_pyramid(real.float()), _pyramid(made.float()), strict=True)
        for places in [torch.rand(len(a), PATCHES, 2, generator=generator)]
    ]
    return torch.stack(levels).mean()


def _pyramid(x: Tensor) -> list[Tensor]:
    """What each halving of the size loses, and the smallest image."""
    levels = []
    while min(x.shape[2:]) >= 2 * SMALLEST:
        small = F.avg_pool2d(x, 2)
        levels.append(x - F.interpolate(small, x.shape[2:], mode="bilinear", align_corners=False))
        x = small
    return [*levels, x]


def _patches(x: Tensor, places: Tensor) -> Tensor:
    """At places in [0, 1) (B×P×2) of every image; (BP)×C×(side²)."""
    b, _, height, width = x.shape
    side = min(PATCH, height, width)
    corner = (places * torch.tensor([height - side + 1, width - side + 1])).long().to(x.device)
    inside = torch.arange(side, device=x.device)
    rows, columns = (corner[..., i, None] + inside for i in (0, 1))  # B×P×side
    which = torch.arange(b, device=x.device)[:, None, None, None]
    taken = x.permute(0, 2, 3, 1)[which, rows[..., :, None], columns[..., None, :]]  # B×P×side×side×C
    return taken.flatten(0, 1).flatten(1, 2).transpose(1, 2)


def _distance(real: Tensor, made: Tensor, generator: torch.Generator) -> Tensor:
    mean, std = real.mean((0, 2), keepdim=True), real.std((0, 2), keepdim=True).clamp(min=1e-6)
    real, made = (((t - mean) / std).flatten(1) for t in (real, made))
    directions = torch.randn(real.shape[1], DIRECTIONS, generator=generator).to(real)
    directions = directions / directions.norm(dim=0)
    a, b = ((t @ directions).sort(0).values for t in (real, made))
    return (a - b).abs().mean()
