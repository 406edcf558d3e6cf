"""Attributes as coordinates."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from counterfactuals.charts.chart import Chart
from networks.checks import objects
from networks.errors import InputError
from networks.gans.attgan import AttributeGenerator


class AttributeChart(Chart):
    """z = (a, latent) of a generator that edits attributes; a search moves a alone (Liu et al. 2019, IV.B).

    Coordinates are (a − centre) / scale, so that all are of one size: binary attributes −1 to 1, measured ones standard
    deviations; ``named`` gives them in their own units, 0 to 1 and what was measured. None leaves what the generator
    was trained on (``project``). The latent, which holds everything else of x, is locked; so may be attributes, by
    their names: at least the one that defines the class, or else the answer is "a face that is old".

    What a is in x an annotator says, which is a function of x alone; the answer is a difference, a′ − a.

    Args:
        generator: of the attributes.
        annotator: x of B×``shape`` → B×A as ``networks.attributes.AttributeUnits`` has it.
        locked: names of attributes that no search moves.

    Raises:
        InputError: a class in place of an object, a name that is none of the attributes', or nothing left to move.
    """

    exact = False

    def __init__(self, generator: AttributeGenerator, annotator: nn.Module, locked: Sequence[str] = ()) -> None:
        super().__init__()
        InputError.collect(objects(nn.Module, generator=generator, annotator=annotator))
        self.generator, self.annotator, self.units = generator, annotator, generator.units
        self.shape, self.names = generator.shape, generator.units.names
        self.dim = len(self.names) + generator.dim
        self.locked = torch.arange(self.dim) >= len(self.names)
        self.lock(locked)

    def encode(self, x: Tensor) -> Tensor:
        attributes = self.units.read(self.annotator(x).float())
        return torch.cat([self.units.taken(attributes), self.generator.encode(x).float()], 1)

    def decode(self, z: Tensor) -> Tensor:
        return self.generator.decode(z[:, len(self.names) :].detach(), self.named(z))

    def named(self, z: Tensor) -> Tensor:
        return self.units.own(z[:, : len(self.names)])

    def resampled(self, x: Tensor, generator: torch.Generator) -> Tensor:
        z = self.encode(x)
        other = torch.randperm(len(x), generator=generator).to(z.device)
        return torch.cat([z[other, : len(self.names)], z[:, len(self.names) :]], 1)

    def project(self, z: Tensor) -> Tensor:
        low, high = (self.units.taken(bound) for bound in (self.units.low, self.units.high))
        return torch.cat([z[:, : len(self.names)].clamp(low, high), z[:, len(self.names) :]], 1)
