"""RealNVP on flattened samples: enough for 8×8 digits and for points in space."""

from collections.abc import Sequence
from functools import partial

from FrEIA.framework import SequenceINN
from FrEIA.modules import Flatten, GLOWCouplingBlock
from torch import nn

from networks.checks import between, each, positive, whole, within
from networks.errors import InputError
from networks.flows.flow import Flow
from networks.flows.layers.dequantize import cell_bounds
from networks.flows.layers.logit import Logit
from networks.flows.layers.permute import Permute
from networks.mlp import mlp


class VectorRealNVP(Flow):
    """Affine couplings on the flattened sample, with fixed permutations between them.

    Args:
        shape: shape of one sample.
        num_blocks: coupling blocks; each transforms both halves, so it is two coupling layers.
        hidden: widths of the sub-networks' hidden layers.
        dropout: probability of dropping a hidden unit of a sub-network in training.
        levels: grey values of the images (256 for 8 bits); ``None`` for data that is not
            bounded, e.g. points.
        alpha: α of the logit, used with ``levels``.
        clamp: the log-scale of one coupling lies in (−clamp, clamp).

    Shapes:
        x of B×``shape`` → z of B×D, D the product of ``shape``.

    Source: Dinh et al. 2017, *Density estimation using Real NVP*.
    """

    def __init__(
        self,
        shape: Sequence[int],
        num_blocks: int = 8,
        hidden: Sequence[int] = (256, 256),
        dropout: float = 0.0,
        levels: int | None = None,
        alpha: float = 0.05,
        clamp: float = 2.0,
    ) -> None:
        InputError.collect(
            each(whole, 1, shape=shape, hidden=hidden)
            + whole(1, num_blocks=num_blocks)
            + within(0, 1, dropout=dropout)
            + ([] if levels is None else whole(2, levels=levels))
            + between(0, 0.5, alpha=alpha)
            + positive(clamp=clamp)
        )
        layers = SequenceINN(*shape, force_tuple_output=True)
        if levels is not None:
            layers.append(Logit, bounds=cell_bounds(levels), alpha=alpha)
        if len(shape) > 1:
            layers.append(Flatten)
        for block in range(num_blocks):
            layers.append(Permute, seed=block)
            layers.append(
                GLOWCouplingBlock, subnet_constructor=partial(_subnet, hidden=hidden, dropout=dropout), clamp=clamp
            )
        super().__init__(shape, layers, levels)


def _subnet(width_in: int, width_out: int, hidden: Sequence[int], dropout: float) -> nn.Sequential:
    """MLP whose last layer starts at zero, so that every coupling starts as the identity.

    With a random last layer the inverse of a deep stack loses all its digits in float32.
    """
    net = mlp([width_in, *hidden, width_out], nn.SiLU)
    if dropout:
        net = nn.Sequential(*(m for layer in net for m in _with_dropout(layer, dropout)))
    last = net[-1]
    assert isinstance(last, nn.Linear)
    nn.init.zeros_(last.weight)
    nn.init.zeros_(last.bias)
    return net


def _with_dropout(layer: nn.Module, dropout: float) -> list[nn.Module]:
    return [layer, nn.Dropout(dropout)] if isinstance(layer, nn.SiLU) else [layer]
