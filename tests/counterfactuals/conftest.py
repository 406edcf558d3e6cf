"""A hierarchical autoencoder that is quick and says something at every level."""

import pytest

from networks import Gaussian, HierarchicalVAE


@pytest.fixture
def vae() -> HierarchicalVAE:
    """One in which x, unlike the prior, says a lot of every level."""
    vae = HierarchicalVAE([1, 12, 12], 2, [8, 12, 16], [2, 3, 4], likelihood=Gaussian()).eval()
    for level in vae.levels:
        level.to_difference[-1].weight.data *= 5
        level.from_latent[0][-1].weight.data *= 10
    vae.last[-1].weight.data *= 5
    return vae
