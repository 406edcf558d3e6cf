"""Space for channels."""

import torch.nn.functional as F
from FrEIA.modules import InvertibleModule

from networks.errors import InputError


class Squeeze(InvertibleModule):
    """Each 2×2 block of a channel becomes four channels (RealNVP, Dinh et al. 2017, 3.6); log|det| = 0.

    Shapes:
        x of B×C×H×W → z of B×4C×H/2×W/2.

    Raises:
        InputError: H or W is odd.
    """

    def __init__(self, dims_in, dims_c=None):
        super().__init__(dims_in, dims_c)
        _, height, width = dims_in[0]
        if height % 2 or width % 2:
            raise InputError(f"a feature map of {height}×{width} cannot be squeezed: both sides must be even")

    def forward(self, x_or_z, c=None, rev=False, jac=True):
        x = x_or_z[0]
        out = F.pixel_shuffle(x, 2) if rev else F.pixel_unshuffle(x, 2)
        return (out,), x.new_zeros(len(x))

    def output_dims(self, input_dims):
        channels, height, width = input_dims[0]
        return [(4 * channels, height // 2, width // 2)]
