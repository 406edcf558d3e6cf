import pytest
import torch

from networks import ConvAutoencoder, VectorAutoencoder
from networks.autoencoders import Autoencoder


@pytest.mark.parametrize(
    "autoencoder",
    [ConvAutoencoder([3, 8, 8], [4, 8], 5), VectorAutoencoder([3], [16], 5), VectorAutoencoder([2, 4], [], 5)],
)
def test_goes_through_its_code(autoencoder: Autoencoder) -> None:
    x = torch.rand(4, *autoencoder.shape)
    z = autoencoder.encode(x)
    assert z.shape == (4, autoencoder.latent_dim)
    assert torch.equal(autoencoder(x), autoencoder.decode(z)) and autoencoder(x).shape == x.shape
    autoencoder(x).sum().backward()
    assert all(p.grad is not None and p.grad.any() for p in autoencoder.parameters())


def test_learns_points_outside_0_1() -> None:
    """Points on a line have one coordinate."""
    t = torch.linspace(-1, 1, 64)[:, None]
    x = 4 * torch.cat([t, -t, t], 1)
    autoencoder = VectorAutoencoder([3], [16], latent_dim=1)
    optimizer = torch.optim.Adam(autoencoder.parameters(), 1e-2)
    for _ in range(300):
        optimizer.zero_grad()
        loss = (autoencoder(x) - x).square().mean()
        loss.backward()
        optimizer.step()
    assert loss < 0.01 * x.var()
