"""Images changed before a discriminator sees them, so that it cannot learn few of them by heart."""

import torch
from torch import Tensor, nn

from networks.checks import below_one, positive, within
from networks.errors import InputError
from networks.gans.shifted import shifted


class AdaptiveAugment(nn.Module):
    """Mirrored, moved, brightened and contrasted with probability p each: real and made images alike, differentiably.

    p follows how certain the discriminator is of the training images: it rises while r = E sign D(x) is above its
    target, and falls below (Karras et al. 2020, arXiv 2006.06676, 3). With p < 0.8 such changes do not leak into the
    samples.

    Args:
        target: of r.
        images: seen until p has gone from 0 to 1, at most.
        most: of p.
        shift: largest, as a share of height and width.

    Attributes:
        p: a buffer, so that a checkpoint keeps it.

    Shapes:
        x of B×C×H×W in [0, 1] → the same.
    """

    p: Tensor

    def __init__(self, target: float = 0.6, images: int = 100_000, most: float = 0.8, shift: float = 0.125) -> None:
        super().__init__()
        InputError.collect(within(0, 1, target=target, shift=shift) + below_one(most=most) + positive(images=images))
        self.target, self.images, self.most, self.shift = target, images, most, shift
        self.register_buffer("p", torch.zeros(()))

    def update(self, logits: Tensor) -> None:
        """After a step, with the discriminator's logits of B real images; other ranks' images count through theirs."""
        certain = logits.float().sign().mean()
        if torch.distributed.is_available() and torch.distributed.is_initialized():
            torch.distributed.all_reduce(certain)
            certain = certain / torch.distributed.get_world_size()
        self.p.add_(len(logits) / self.images * (certain - self.target).sign()).clamp_(0, self.most)

    def forward(self, x: Tensor) -> Tensor:
        n = len(x)

        def chosen() -> Tensor:
            return torch.rand(n, 1, 1, 1, device=x.device) < self.p

        def drawn(most: float) -> Tensor:
            return most * (2 * torch.rand(n, 1, 1, 1, device=x.device) - 1)

        x = torch.where(chosen(), x.flip(-1), x)
        x = torch.where(chosen(), x + drawn(0.2), x)
        middle = x.mean((1, 2, 3), keepdim=True)
        x = torch.where(chosen(), middle + (x - middle) * (1 + drawn(0.3)), x)
        by = torch.cat([drawn(self.shift * x.shape[3]), drawn(self.shift * x.shape[2])], 1)[:, :, 0, 0]
        return torch.where(chosen(), shifted(x, by, "reflection"), x)
