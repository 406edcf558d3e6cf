"""An encoder and a decoder as one network."""

from collections.abc import Sequence
from math import prod

from torch import Tensor, nn

from networks.autoencoders.conv import ConvDecoder, ConvEncoder
from networks.checks import each, whole
from networks.errors import InputError
from networks.mlp import mlp


class Autoencoder(nn.Module):
    """x → z → x, with fewer values in z than in x.

    Args:
        encoder: x of B×``shape`` → z of B×``latent_dim``.
        decoder: z of B×``latent_dim`` → B×``shape``.
        shape: of one sample.
        latent_dim: D, values of a code.
    """

    def __init__(self, encoder: nn.Module, decoder: nn.Module, shape: Sequence[int], latent_dim: int) -> None:
        super().__init__()
        self.encoder, self.decoder = encoder, decoder
        self.shape, self.latent_dim = tuple(shape), latent_dim

    def encode(self, x: Tensor) -> Tensor:
        """z of B×D."""
        return self.encoder(x)

    def decode(self, z: Tensor) -> Tensor:
        """x of B×``shape``."""
        return self.decoder(z)

    def forward(self, x: Tensor) -> Tensor:
        """decode(encode(x)), B×``shape``."""
        return self.decode(self.encode(x))


class ConvAutoencoder(Autoencoder):
    """Of images C×H×W of any size with values in [0, 1], which are also the decoder's range.

    Args:
        shape: ``[C, H, W]`` of one image.
        widths: channels of the stages, each of which halves the resolution.
        latent_dim: D, values of a code.

    Raises:
        InputError: samples that are no images, or no stage.
    """

    def __init__(self, shape: Sequence[int], widths: Sequence[int] = (16, 32), latent_dim: int = 16) -> None:
        InputError.collect(whole(1, latent_dim=latent_dim))
        encoder, decoder = ConvEncoder(shape, widths, latent_dim), ConvDecoder(shape, widths, latent_dim)
        super().__init__(encoder, decoder, shape, latent_dim)


class VectorAutoencoder(Autoencoder):
    """Of points, or any samples flattened, with values of any range: two multilayer perceptrons.

    Args:
        shape: of one sample, e.g. ``[3]``.
        hidden: widths of the encoder's hidden layers; the decoder's are the same in reverse.
        latent_dim: D, values of a code.
    """

    def __init__(self, shape: Sequence[int], hidden: Sequence[int] = (64,), latent_dim: int = 2) -> None:
        InputError.collect(each(whole, 1, shape=shape, hidden=hidden) + whole(1, latent_dim=latent_dim))
        widths = [prod(shape), *hidden, latent_dim]
        encoder = nn.Sequential(nn.Flatten(), mlp(widths))
        decoder = nn.Sequential(mlp(widths[::-1]), nn.Unflatten(1, tuple(shape)))
        super().__init__(encoder, decoder, shape, latent_dim)
