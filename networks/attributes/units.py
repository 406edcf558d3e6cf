"""Attributes as networks take them and say them, and as people read them."""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from networks.errors import InputError


class AttributeUnits(nn.Module):
    """Names, units and bounds of A attributes: binary ones are 0 or 1, measured ones have a unit of their own.

    Networks take (a − centre) / scale, which is ±1 for binary attributes; what they say of an image is a logit for a
    binary attribute and that quotient for a measured one.

    Args:
        names: of the attributes.

    Attributes:
        binary: A bool.
        centre, scale: A each; of measured attributes mean and standard deviation in the training's images.
        low, high: bounds, A each: nothing outside of them was in the training's images.

    Raises:
        InputError: no attribute, or one that is named twice.
    """

    binary: Tensor
    centre: Tensor
    scale: Tensor
    low: Tensor
    high: Tensor

    def __init__(self, names: Sequence[str]) -> None:
        super().__init__()
        if not names:
            raise InputError("no attributes: the data has none; name them with --data.attributes")
        if twice := [name for i, name in enumerate(names) if name in names[:i]]:
            raise InputError(f"attributes names {twice[0]!r} twice")
        self.names = tuple(names)
        self.register_buffer("binary", torch.ones(len(names), dtype=torch.bool))
        for name, value in (("centre", 0.5), ("scale", 0.5), ("low", 0.0), ("high", 1.0)):
            self.register_buffer(name, torch.full((len(names),), value))

    @torch.no_grad()
    def learn(self, attributes: Tensor) -> None:
        """Kinds, units and bounds from the training images' attributes, N×A.

        Raises:
            InputError: an attribute that is the same in all of them, or unknown in some.
        """
        problems = []
        for name, column in zip(self.names, attributes.T, strict=True):
            if unknown := int((~column.isfinite()).sum()):
                problems.append(f"attribute {name} is not known of {unknown:,} of {len(column):,} training images")
            elif column.min() == column.max():
                problems.append(
                    f"attribute {name} is {column[0]:g} in all {len(column):,} training images, so that nothing can "
                    "be learnt of it: leave it out of --data.attributes"
                )
        InputError.collect(problems)
        binary = is_binary(attributes)
        self.binary.copy_(binary)
        self.low.copy_(attributes.amin(0))
        self.high.copy_(attributes.amax(0))
        self.centre.copy_(torch.where(binary, 0.5, attributes.mean(0)))
        self.scale.copy_(torch.where(binary, 0.5, attributes.std(0)))

    def taken(self, attributes: Tensor) -> Tensor:
        """B×A in own units → as networks take them."""
        return (attributes - self.centre) / self.scale

    def own(self, taken: Tensor) -> Tensor:
        """The inverse of ``taken``, within the bounds."""
        # Straight through: at a bound clamp's own gradient is a half, or none where rounding leads beyond, for ever.
        inside = taken.clamp(self.taken(self.low), self.taken(self.high))
        return self.centre + self.scale * (taken + (inside - taken).detach())

    def read(self, said: Tensor) -> Tensor:
        """What a network says of images, B×A → in own units: of binary attributes probabilities; within the bounds."""
        own = torch.where(self.binary, said.sigmoid(), self.centre + self.scale * said)
        return self.within(own)

    def within(self, attributes: Tensor) -> Tensor:
        """B×A clamped to the bounds."""
        return attributes.clamp(self.low, self.high)

    def loss(self, said: Tensor, attributes: Tensor) -> Tensor:
        """Cross-entropy of binary attributes and squared error of measured ones, B×A."""
        entropy = F.binary_cross_entropy_with_logits(said.float(), attributes.clamp(0, 1), reduction="none")
        return torch.where(self.binary, entropy, (said.float() - self.taken(attributes)).square())


def is_binary(attributes: Tensor) -> Tensor:
    """Which attributes are there or not, and no measured numbers, A bool; of N×A."""
    return ((attributes == 0) | (attributes == 1)).all(0)
