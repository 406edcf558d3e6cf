"""The convolutional GAN of Radford, Metz & Chintala 2016 (arXiv 1511.06434), for images of any size."""

from collections.abc import Sequence
from itertools import pairwise
from math import prod

from torch import Tensor, nn

from networks.autoencoders.conv import resolutions
from networks.gans.generator import Critic, Generator
from networks.gans.scaling import doubling


class DCGenerator(Generator):
    """A linear layer and transposed convolutions, each with batch normalisation and ReLU.

    Args:
        shape: ``[C, H, W]`` of an image; odd sides are halved upwards.
        latent_dim: 100 in the paper; Liu et al. 2019 (*Generative Counterfactual Introspection*) have 10.
        widths: channels from the largest resolution to the smallest; each stage halves height and width.
        num_classes: see ``Generator``.

    Shapes:
        z of B×D → B×C×H×W in [0, 1].

    Raises:
        InputError: samples that are no images, no stage, or a number out of its range.
    """

    def __init__(
        self,
        shape: Sequence[int],
        latent_dim: int = 100,
        widths: Sequence[int] = (32, 64, 128),
        num_classes: int | None = None,
    ) -> None:
        super().__init__(shape, latent_dim, num_classes)
        *larger, smallest = resolutions(shape, widths)
        *wide, last = reversed(widths)
        doubled = zip(reversed(larger[1:]), pairwise([*wide, last]), strict=True)
        self.layers = nn.Sequential(
            nn.Linear(self.dim, widths[-1] * prod(smallest), bias=False),
            nn.Unflatten(1, (widths[-1], *smallest)),
            nn.BatchNorm2d(widths[-1]),
            nn.ReLU(),
            *(
                nn.Sequential(doubling(c_in, c_out, size, bias=False), nn.BatchNorm2d(c_out), nn.ReLU())
                for size, (c_in, c_out) in doubled
            ),
            doubling(last, shape[0], larger[0], bias=True),
            nn.Sigmoid(),
        )
        self.apply(_initialise)

    def forward(self, z: Tensor) -> Tensor:
        return self.layers(z)


class DCDiscriminator(nn.Module):
    """Strided convolutions and a linear layer.

    Without the paper's batch normalisation: R1 is the gradient at single images (Mescheder et al. 2018).

    Args:
        shape, widths, num_classes: as of the generator.

    Shapes:
        x of B×C×H×W in [0, 1], y of B int64 where it is conditional → B logits, positive where x seems real.
    """

    def __init__(
        self, shape: Sequence[int], widths: Sequence[int] = (32, 64, 128), num_classes: int | None = None
    ) -> None:
        super().__init__()
        self.shape = tuple(shape)
        smallest = resolutions(shape, widths)[-1]
        self.layers = nn.Sequential(
            *(
                nn.Sequential(nn.Conv2d(c_in, c_out, 3, stride=2, padding=1), nn.LeakyReLU(0.2))
                for c_in, c_out in pairwise([shape[0], *widths])
            ),
            nn.Flatten(),
        )
        self.critic = Critic(widths[-1] * prod(smallest), num_classes)
        self.apply(_initialise)

    def forward(self, x: Tensor, y: Tensor | None = None) -> Tensor:
        return self.critic(self.layers(2 * x - 1), y)


def _initialise(module: nn.Module) -> None:
    """Normal with a deviation of 0.02, as in the paper."""
    if isinstance(module, (nn.Conv2d, nn.ConvTranspose2d, nn.Linear)):
        nn.init.normal_(module.weight, 0.0, 0.02)
    if isinstance(module, nn.BatchNorm2d):
        nn.init.normal_(module.weight, 1.0, 0.02)
