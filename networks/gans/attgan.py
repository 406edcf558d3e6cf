"""Editing attributes of images: AttGAN (He et al. 2019, arXiv 1711.10678)."""

from collections.abc import Sequence
from itertools import pairwise
from math import prod

import torch
from torch import Tensor, nn

from networks.attributes import AttributeUnits
from networks.autoencoders.conv import resolutions
from networks.checks import whole
from networks.errors import InputError
from networks.gans.scaling import doubling, halving


class AttributeGenerator(nn.Module):
    """x → latent, and (latent, attributes) → x with these attributes (He et al., 3.1).

    The encoder halves the image stage by stage; the decoder gets the attributes beside the deepest features and beside
    those of its next ``injections`` stages, and ``shortcuts`` features of the encoder beside its own of that size. So
    the latent holds what is in the image besides its attributes: the deepest features and those of the shortcuts.

    Args:
        shape: ``[C, H, W]`` of an image; every size goes, 64 and 128 are the paper's.
        attributes: their names; ``[]`` in a config for those of the data.
        widths: channels of the stages; the paper's are 64, 128, 256, 512, 1024.
        shortcuts, injections: at most one fewer than there are stages.

    Attributes:
        dim: D, values of a latent.
        units: of the attributes.

    Shapes:
        x of B×C×H×W in [0, 1] → B×D; B×D and attributes of B×A in their own units → B×C×H×W in [0, 1].

    Raises:
        InputError: no attribute, no image, no stage, or more shortcuts or injections than stages for them.
    """

    def __init__(
        self,
        shape: Sequence[int],
        attributes: Sequence[str],
        widths: Sequence[int] = (64, 128, 256, 512, 1024),
        shortcuts: int = 1,
        injections: int = 1,
    ) -> None:
        super().__init__()
        self.sizes, last = resolutions(shape, widths), len(widths) - 1
        InputError.collect(whole(0, last, shortcuts=shortcuts) + whole(0, last, injections=injections))
        self.shape, self.units = tuple(shape), AttributeUnits(attributes)
        self.shortcuts, self.injections = shortcuts, injections
        self.encoder = nn.ModuleList(
            nn.Sequential(halving(c_in, c_out, size), nn.BatchNorm2d(c_out), nn.LeakyReLU(0.2))
            for (c_in, c_out), size in zip(pairwise([shape[0], *widths]), self.sizes, strict=False)
        )
        stages: list[nn.Module] = []
        for i, (wide, narrow) in enumerate(pairwise([*reversed(widths), shape[0]])):
            c_in = wide + len(attributes) * (i <= injections) + wide * (0 < i <= shortcuts)
            size = self.sizes[last - i]
            after = [nn.Sigmoid()] if i == last else [nn.BatchNorm2d(narrow), nn.ReLU()]
            stages.append(nn.Sequential(doubling(c_in, narrow, size), *after))
        self.decoder = nn.ModuleList(stages)
        #: of what a latent holds, deepest first: c×h×w
        self.features = [(widths[last - i], *self.sizes[len(widths) - i]) for i in range(shortcuts + 1)]
        self.dim = sum(map(prod, self.features))

    def encode(self, x: Tensor) -> Tensor:
        """The latent of x, B×D."""
        kept, h = [], 2 * x - 1
        for stage in self.encoder:
            h = stage(h)
            kept.append(h.flatten(1))
        return torch.cat(kept[: -self.shortcuts - 2 : -1], 1)

    def decode(self, latent: Tensor, attributes: Tensor) -> Tensor:
        """The image of a latent with these attributes, B×C×H×W in [0, 1]."""
        a = self.units.taken(attributes)[:, :, None, None]
        parts = latent.split([prod(shape) for shape in self.features], 1)
        kept = [part.view(len(part), *shape) for part, shape in zip(parts, self.features, strict=True)]
        h = kept[0]
        for i, stage in enumerate(self.decoder):
            beside = ([kept[i]] if 0 < i <= self.shortcuts else []) + (
                [a.expand(-1, -1, *h.shape[2:]).to(h.dtype)] if i <= self.injections else []
            )
            h = stage(torch.cat([h, *beside], 1))
        return h

    def forward(self, x: Tensor, attributes: Tensor) -> Tensor:
        """x edited to have these attributes, B×C×H×W."""
        return self.decode(self.encode(x), attributes)


class AttributeDiscriminator(nn.Module):
    """What seems real, and which attributes are seen, by the same features (He et al., 3.2 and 3.3).

    Without the paper's instance normalisation: at 64 pixels it leaves the 2×2 of the last stage little but signs, and a
    discriminator that could not tell noise from skin.

    Args:
        shape, attributes, widths: as of the generator.
        features: of the last hidden layer of either head; the paper has 1,024.

    Shapes:
        x of B×C×H×W in [0, 1] → B logits, positive where x seems real, and B×A as ``AttributeUnits`` has it.
    """

    def __init__(
        self,
        shape: Sequence[int],
        attributes: Sequence[str],
        widths: Sequence[int] = (64, 128, 256, 512, 1024),
        features: int = 1024,
    ) -> None:
        super().__init__()
        *sizes, smallest = resolutions(shape, widths)
        InputError.collect(whole(1, features=features))
        self.shape, self.attributes = tuple(shape), tuple(attributes)
        self.layers = nn.Sequential(
            *(
                _seeing(c_in, c_out, size)
                for (c_in, c_out), size in zip(pairwise([shape[0], *widths]), sizes, strict=True)
            ),
            nn.Flatten(),
        )
        known = widths[-1] * prod(smallest)
        self.critic, self.classifier = (
            nn.Sequential(nn.Linear(known, features), nn.LeakyReLU(0.2), nn.Linear(features, out))
            for out in (1, len(attributes))
        )

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        phi = self.layers(2 * x - 1)
        return self.critic(phi)[:, 0], self.classifier(phi)


class Real(nn.Module):
    """A discriminator's first answer alone: x of B×C×H×W → B logits."""

    def __init__(self, discriminator: AttributeDiscriminator) -> None:
        super().__init__()
        self.discriminator = discriminator

    def forward(self, x: Tensor) -> Tensor:
        return self.discriminator(x)[0]


class Seen(nn.Module):
    """A discriminator's second answer alone: x of B×C×H×W → B×A as ``AttributeUnits`` has it."""

    def __init__(self, discriminator: AttributeDiscriminator) -> None:
        super().__init__()
        self.discriminator = discriminator

    def forward(self, x: Tensor) -> Tensor:
        return self.discriminator(x)[1]


def _seeing(c_in: int, c_out: int, size: tuple[int, int]) -> nn.Sequential:
    return nn.Sequential(halving(c_in, c_out, size), nn.LeakyReLU(0.2))
