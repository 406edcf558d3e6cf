"""How far a sample is from the manifold across it, where likelihoods are too coarse to tell."""

from typing import NamedTuple

import torch
from torch import Tensor

PART = 4  # one of so many latent coordinates, those in which real samples vary least


class Axes(NamedTuple):
    """The latent coordinates that run across the data manifold, and how little real samples vary in them.

    The theory gives the data a thickness δ across the manifold that is small (Dombrowski et al., eq. 1). A trained
    flow shows it: in some latent coordinates real samples hardly vary, and noise that a likelihood over all
    coordinates does not notice moves these ones far. Below 4 dimensions there are none: likelihoods suffice.

    Attributes:
        which: coordinates, k int64.
        mean: of real samples there, k.
        std: k.
    """

    which: Tensor
    mean: Tensor
    std: Tensor

    @staticmethod
    def fit(z: Tensor) -> "Axes":
        """From latents of real samples, N×D; no coordinates where fewer than two are finite."""
        z = z[z.isfinite().all(1)]
        if len(z) < 2:
            return Axes(torch.zeros(0, dtype=torch.int64, device=z.device), z.new_zeros(0), z.new_zeros(0))
        std, mean = torch.std_mean(z, 0)
        which = std.argsort(stable=True)[: z.shape[1] // PART]
        return Axes(which, mean[which], std[which].clamp(min=1e-6))

    def distance(self, z: Tensor) -> Tensor:
        """Median over the coordinates of |z − mean| / std, of latents N×D; N, about 0.67 for normal ones."""
        if not len(self.which):
            return z.new_zeros(len(z))
        return ((z[:, self.which] - self.mean) / self.std).abs().median(1).values
