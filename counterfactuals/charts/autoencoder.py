"""The latent space of an autoencoder."""

from typing import Any, cast

from torch import Tensor, nn

from counterfactuals.charts.chart import Chart


class AutoencoderChart(Chart):
    """z = e(x), x ≈ g(z) of an autoencoder: approximately diffeomorphic counterfactuals (Dombrowski et al., II.D).

    Of fewer dimensions than x: a search cannot leave g(Z) at all, but starts from e(x)'s decoding instead of x.

    Args:
        autoencoder: a module with ``encode``, ``decode``, ``shape`` and ``latent_dim``, such as
            ``networks.ConvAutoencoder`` or ``networks.ConvVAE``.
    """

    exact = False

    def __init__(self, autoencoder: nn.Module) -> None:
        super().__init__()
        self.autoencoder = cast(Any, autoencoder)  # nn.Module's type knows nothing of these methods
        self.shape = tuple(self.autoencoder.shape)
        self.dim = self.autoencoder.latent_dim

    def encode(self, x: Tensor) -> Tensor:
        return self.autoencoder.encode(x)

    def decode(self, z: Tensor) -> Tensor:
        return self.autoencoder.decode(z)
