"""RealNVP on images."""

from collections.abc import Callable, Sequence
from functools import partial

from FrEIA.modules import InvertibleModule

from networks.checks import whole
from networks.errors import InputError
from networks.flows.chain import Chain
from networks.flows.flow import Flow
from networks.flows.layers.actnorm import ActNorm
from networks.flows.layers.bounded import bounded_to_real, flow_numbers
from networks.flows.layers.coupling import ChannelCoupling, CheckerboardCoupling, Subnet
from networks.flows.layers.multi_scale import MultiScale, image_dims
from networks.flows.layers.squeeze import Squeeze
from networks.flows.layers.subnets import ResNet
from networks.flows.layers.whiten import Whiten

Dims = Sequence[tuple[int, ...]]


class RealNVP(Flow):
    """Checkerboard couplings, squeeze, channel couplings at every scale (Dinh et al. 2017, Fig. 4).

    Each scale but the last has three checkerboard couplings, a squeeze and three channel couplings
    of twice the width, and half of the channels leave; the last has three checkerboard couplings.
    An ``ActNorm`` follows each coupling.

    Args:
        shape: [C, H, W]; H and W multiples of 2^(``num_scales`` − 1).
        base_width: width of the residual networks at the first scale; doubled at each squeeze.
        num_blocks: their residual blocks.
        num_scales: scales. 2 for MNIST, as in Dombrowski et al.
        affine: affine couplings, or additive ones.
        levels, n_bits, alpha, marginal_bins, num_conditions, recompute: as in ``Glow``.

    Shapes:
        x of B×C×H×W → z of B×(C·H·W).
    """

    def __init__(
        self,
        shape: Sequence[int],
        base_width: int = 64,
        num_blocks: int = 4,
        num_scales: int = 2,
        affine: bool = True,
        levels: int = 256,
        n_bits: int | None = None,
        alpha: float | None = 0.05,
        marginal_bins: int = 0,
        num_conditions: int = 0,
        recompute: bool = False,
    ) -> None:
        InputError.collect(
            whole(1, base_width=base_width, num_blocks=num_blocks, num_scales=num_scales)
            + flow_numbers(levels, n_bits, alpha, marginal_bins, num_conditions)
        )
        dims_in, dims_c = image_dims(shape, num_scales - 1, num_conditions)
        scales, dims = [], dims_in
        for scale in range(num_scales):
            width = base_width * 2**scale
            layers = _couplings(
                CheckerboardCoupling, dims, dims_c, partial(ResNet, width=width, num_blocks=num_blocks), affine
            )
            if scale < num_scales - 1:
                layers.append(Squeeze(dims))
                squeezed = layers[-1].output_dims(dims)
                subnet = partial(ResNet, width=2 * width, num_blocks=num_blocks)
                layers += _couplings(ChannelCoupling, squeezed, dims_c, subnet, affine)
            chain = Chain(dims, dims_c, layers, recompute)
            out = chain.output_dims(dims)
            chain.layers.append(Whiten(out, dims_c))
            scales.append(chain)
            dims = [(out[0][0] // 2, *out[0][1:])]
        parts = [bounded_to_real(dims_in, levels, alpha, marginal_bins), MultiScale(dims_in, dims_c, scales)]
        super().__init__(shape, Chain(dims_in, dims_c, parts), levels, num_conditions, n_bits)


def _couplings(
    kind: Callable[..., InvertibleModule], dims: Dims, dims_c: Dims, subnet: Subnet, affine: bool
) -> list[InvertibleModule]:
    """Three couplings with alternating roles, each with an ``ActNorm`` after it."""
    return [
        layer
        for swap in (False, True, False)
        for layer in (kind(dims, dims_c, subnet, affine, swap=swap), ActNorm(dims))
    ]
