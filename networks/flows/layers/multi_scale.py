"""The multi-scale architecture of RealNVP and Glow, with one flat latent."""

from collections.abc import Sequence

import torch
from FrEIA.modules import InvertibleModule
from torch import Tensor, nn

from networks.errors import InputError

Dims = list[tuple[int, ...]]


class MultiScale(InvertibleModule):
    """Half of the channels leave after every scale but the last (RealNVP, 3.6); all meet in one vector.

    Args:
        scales: invertible layers on images, one a scale. What the layer before it keeps (the first
            half of its channels) is what the next one takes.

    Shapes:
        x of B×C×H×W ↔ z of B×D: the halves that left, first scale first, then the rest.
    """

    def __init__(self, dims_in, dims_c=None, scales: Sequence[InvertibleModule] = ()):
        super().__init__(dims_in, dims_c)
        self.scales = nn.ModuleList(scales)
        self.out_shapes = []
        dims = dims_in
        for scale in scales:
            ((channels, height, width),) = scale.output_dims(dims)
            last = scale is scales[-1]
            self.out_shapes.append((channels if last else channels - channels // 2, height, width))
            dims = [(channels // 2, height, width)]

    def forward(self, x_or_z, c=None, rev=False, jac=True):
        return self._inverse(x_or_z[0], c, jac) if rev else self._forward(x_or_z[0], c, jac)

    def _forward(self, h: Tensor, c, jac: bool):
        log_det: Tensor | float = 0.0
        parts = []
        for scale, (leaving, *_) in zip(self.scales, self.out_shapes, strict=True):
            (h,), change = scale([h], c, jac=jac)
            log_det = log_det + change
            h, out = h.split((h.shape[1] - leaving, leaving), dim=1)
            parts.append(out.flatten(1))
        return (torch.cat(parts, 1),), log_det

    def _inverse(self, z: Tensor, c, jac: bool):
        log_det: Tensor | float = 0.0
        parts = z.split([a * b * d for a, b, d in self.out_shapes], dim=1)
        h: Tensor | None = None
        for scale, part, shape in reversed(list(zip(self.scales, parts, self.out_shapes, strict=True))):
            out = part.view(-1, *shape)
            h = out if h is None else torch.cat([h, out], 1)
            (h,), change = scale([h], c, rev=True, jac=jac)
            log_det = log_det + change
        return (h,), log_det

    def output_dims(self, input_dims):
        return [(sum(a * b * d for a, b, d in self.out_shapes),)]


def image_dims(shape: Sequence[int], num_squeezes: int, num_conditions: int) -> tuple[Dims, Dims]:
    """FrEIA's ``dims_in`` and ``dims_c`` of an image flow with so many squeezes and conditions.

    Raises:
        InputError: ``shape`` is not C×H×W, or its sides are not multiples of 2^num_squeezes.
    """
    if len(shape) != 3:
        raise InputError(f"an image flow needs shape [C, H, W]; got {list(shape)}")
    step = 2**num_squeezes
    if num_squeezes < 0 or shape[1] % step or shape[2] % step:
        raise InputError(
            f"images of {shape[1]}×{shape[2]} cannot be squeezed {num_squeezes} times: both sides must be multiples of "
            f"{step}. Use fewer scales, or resize the images (--data.size) or pad them"
        )
    return [tuple(shape)], [(num_conditions,)] if num_conditions else []
