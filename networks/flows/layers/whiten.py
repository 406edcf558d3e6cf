"""The learned prior, as a layer."""

import torch
from FrEIA.modules import InvertibleModule
from torch import nn

from networks.flows.layers.coupling import condition_channels
from networks.precision import forward_without_autocast


class Whiten(InvertibleModule):
    """z = (h − μ(c)) · exp(−log σ(c)) per channel: what a learned prior N(μ, σ²) on h makes standard normal.

    With the prior inside the flow, the base is N(0, I) for every sample and class, and the metric on
    Z is really flat: one unit is one standard deviation in every direction.

    Shapes:
        h of B×C×H×W → z of the same shape. μ and log σ are linear in the condition vector, if any.
    """

    def __init__(self, dims_in, dims_c=None):
        super().__init__(dims_in, dims_c)
        channels = dims_in[0][0]
        self.prior = nn.Parameter(torch.zeros(1 + condition_channels(dims_c), 2 * channels))

    @forward_without_autocast
    def forward(self, x_or_z, c=None, rev=False, jac=True):
        x = x_or_z[0]
        condition = torch.cat([x.new_ones(len(x), 1), *(c or ())], 1)
        mean, log_std = (condition @ self.prior)[:, :, None, None].chunk(2, dim=1)
        log_det = -x[0, 0].numel() * log_std.flatten(1).sum(1)
        if rev:
            return (x * log_std.exp() + mean,), -log_det
        return ((x - mean) * (-log_std).exp(),), log_det

    def output_dims(self, input_dims):
        return input_dims
