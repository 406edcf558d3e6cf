"""Grey values around zero."""

import math

from FrEIA.modules import InvertibleModule


class Centre(InvertibleModule):
    """y = x − ½, scaled by ``gain``: the range of an image around zero (Glow's input is [−½, ½]).

    Args:
        gain: factor; log|det| = D·log gain.
    """

    def __init__(self, dims_in, dims_c=None, gain: float = 1.0):
        super().__init__(dims_in, dims_c)
        self.gain = gain

    def forward(self, x_or_z, c=None, rev=False, jac=True):
        x = x_or_z[0]
        log_det = x.new_full((len(x),), x[0].numel() * math.log(self.gain))
        if rev:
            return (x / self.gain + 0.5,), -log_det
        return ((x - 0.5) * self.gain,), log_det

    def output_dims(self, input_dims):
        return input_dims
