"""Glow, with the mixing layer injected."""

from collections.abc import Callable, Sequence

from FrEIA.modules import InvertibleModule
from torch import nn

from networks.checks import whole
from networks.errors import InputError
from networks.flows.chain import Chain
from networks.flows.flow import Flow
from networks.flows.layers.actnorm import ActNorm
from networks.flows.layers.bounded import bounded_to_real, flow_numbers
from networks.flows.layers.coupling import ChannelCoupling, Subnet
from networks.flows.layers.multi_scale import MultiScale, image_dims
from networks.flows.layers.squeeze import Squeeze
from networks.flows.layers.subnets import ConvNet, ZeroConv
from networks.flows.layers.whiten import Whiten
from networks.flows.linear.lu_conv import LUConv

Mixing = Callable[[list[tuple[int, int, int]]], nn.Module]


class Glow(Flow):
    """K steps of ActNorm, mixing layer and coupling at each of L scales (Kingma & Dhariwal 2018, Fig. 2).

    Args:
        shape: [C, H, W]; H and W multiples of 2^L.
        num_steps: K.
        num_scales: L.
        subnet: (channels in, channels out) → network of the couplings; its width is Glow's width.
        mixing: dims_in → layer between ActNorm and coupling: ``LUConv``, ``SVDConv``,
            ``PeriodicConv``, ``CircularConv`` or ``Permute``.
        affine: affine couplings, or additive ones.
        levels: grey values of the images, 256 for 8 bits.
        n_bits: model so many bits of them; ``None`` for all (see ``dequantize``).
        alpha: α of the logit; ``None`` centres the images instead, as Glow does.
        marginal_bins: bins of ``Marginals`` instead of either; 0 for none.
        num_conditions: number of classes, or length of the attribute vector, that the flow is
            conditional on; 0 for none.
        recompute: train without storing activations (see ``Chain``).

    Shapes:
        x of B×C×H×W → z of B×(C·H·W), standard normal: the learned priors are layers.
    """

    def __init__(
        self,
        shape: Sequence[int],
        num_steps: int = 32,
        num_scales: int = 3,
        subnet: Subnet = ConvNet,
        mixing: Mixing = LUConv,
        affine: bool = True,
        levels: int = 256,
        n_bits: int | None = None,
        alpha: float | None = None,
        marginal_bins: int = 0,
        num_conditions: int = 0,
        recompute: bool = False,
    ) -> None:
        InputError.collect(
            whole(1, num_steps=num_steps, num_scales=num_scales)
            + flow_numbers(levels, n_bits, alpha, marginal_bins, num_conditions)
        )
        dims_in, dims_c = image_dims(shape, num_scales, num_conditions)
        scales, dims = [], dims_in
        for scale in range(num_scales):
            start, squeeze = dims, Squeeze(dims)
            dims = squeeze.output_dims(dims)
            layers: list[InvertibleModule] = [squeeze]
            for _ in range(num_steps):
                layers += [ActNorm(dims), mixing(dims), ChannelCoupling(dims, dims_c, subnet, affine)]
            last = scale == num_scales - 1
            layers.append(Whiten(dims, dims_c) if last else ChannelCoupling(dims, dims_c, ZeroConv, True))
            scales.append(Chain(start, dims_c, layers, recompute))
            channels, height, width = dims[0]
            dims = [(channels // 2, height, width)]
        parts = [bounded_to_real(dims_in, levels, alpha, marginal_bins), MultiScale(dims_in, dims_c, scales)]
        super().__init__(shape, Chain(dims_in, dims_c, parts), levels, num_conditions, n_bits)
