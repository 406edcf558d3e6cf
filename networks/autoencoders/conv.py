"""Convolutional halves of an autoencoder of images."""

from collections.abc import Sequence
from itertools import pairwise
from math import prod

from torch import Tensor, nn

from networks.checks import each, whole
from networks.errors import InputError


class ConvEncoder(nn.Module):
    """Strided 3×3 convolutions and a linear layer.

    No batch normalisation: an image's code depends on that image alone, and a batch may be empty.

    Args:
        shape: ``[C, H, W]`` of one image; every size goes, odd sides are halved upwards.
        widths: channels of the stages, each of which halves the resolution.
        dim: values that it gives an image.

    Shapes:
        x of B×C×H×W in [0, 1] → B×``dim``.

    Raises:
        InputError: samples that are no images, or no stage.
    """

    def __init__(self, shape: Sequence[int], widths: Sequence[int], dim: int) -> None:
        super().__init__()
        smallest = resolutions(shape, widths)[-1]
        stages = [
            nn.Sequential(nn.Conv2d(c_in, c_out, 3, stride=2, padding=1), nn.SiLU())
            for c_in, c_out in pairwise([shape[0], *widths])
        ]
        self.layers = nn.Sequential(*stages, nn.Flatten(), nn.Linear(widths[-1] * prod(smallest), dim))

    def forward(self, x: Tensor) -> Tensor:
        return self.layers(x)


class ConvDecoder(nn.Module):
    """The mirror of ``ConvEncoder``: a linear layer and transposed 3×3 convolutions.

    Args:
        shape, widths: as of the encoder.
        dim: D, values of a code.
        activation: of the output; a sigmoid unless given.

    Shapes:
        z of B×D → B×C×H×W in the activation's range, [0, 1] unless it is given.

    Raises:
        InputError: samples that are no images, or no stage.
    """

    def __init__(
        self, shape: Sequence[int], widths: Sequence[int], dim: int, activation: nn.Module | None = None
    ) -> None:
        super().__init__()
        *larger, smallest = resolutions(shape, widths)
        stages = [
            nn.Sequential(nn.SiLU(), _doubling(c_in, c_out, size))
            for size, (c_in, c_out) in zip(reversed(larger), pairwise([*reversed(widths), shape[0]]), strict=True)
        ]
        self.layers = nn.Sequential(
            nn.Linear(dim, widths[-1] * prod(smallest)),
            nn.Unflatten(1, (widths[-1], *smallest)),
            *stages,
            activation or nn.Sigmoid(),
        )

    def forward(self, z: Tensor) -> Tensor:
        return self.layers(z)


def _doubling(c_in: int, c_out: int, size: tuple[int, int]) -> nn.ConvTranspose2d:
    """The transpose of the encoder's convolution from height and width ``size``."""
    even = (1 - size[0] % 2, 1 - size[1] % 2)
    return nn.ConvTranspose2d(c_in, c_out, 3, stride=2, padding=1, output_padding=even)


def resolutions(shape: Sequence[int], widths: Sequence[int]) -> list[tuple[int, int]]:
    """Height and width of the image, and after each stage."""
    if len(shape) != 3:
        raise InputError(
            f"a convolutional autoencoder takes images C×H×W, not samples of shape {tuple(shape)}: use "
            "networks.VectorAutoencoder for these"
        )
    if not widths:
        raise InputError("a convolutional autoencoder needs at least one stage, e.g. widths: [16, 32]")
    InputError.collect(each(whole, 1, shape=shape, widths=widths))
    sizes = [(shape[1], shape[2])]
    for _ in widths:
        height, width = sizes[-1]
        sizes.append(((height + 1) // 2, (width + 1) // 2))
    return sizes
