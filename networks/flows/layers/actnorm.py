"""Activation normalisation with data-dependent initialisation."""

import torch
from FrEIA.modules import InvertibleModule
from torch import Tensor, nn

from networks.flows.layers.first_batch import FirstBatch, sum_over_ranks

MIN_STD = 1e-4  # a channel that is constant in the first batch would get an infinite scale


class ActNorm(InvertibleModule):
    """z = (x + bias) · exp(log_scale) per channel; log|det| = H·W·Σ log_scale (Glow, Kingma & Dhariwal 2018, 3.1).

    The first forward pass in training sets bias and scale so that its output has mean 0 and
    standard deviation 1 in every channel; over all ranks together, so that they start equal. A
    pass in evaluation (such as Lightning's sanity check) or an inverse pass never initialises.

    Shapes:
        x of B×C or B×C×H×W → z of the same shape.
    """

    def __init__(self, dims_in, dims_c=None):
        super().__init__(dims_in, dims_c)
        channels, *space = dims_in[0]
        self.bias = nn.Parameter(torch.zeros(channels, *(1 for _ in space)))
        self.log_scale = nn.Parameter(torch.zeros(channels, *(1 for _ in space)))
        self.first_batch = FirstBatch()

    def forward(self, x_or_z, c=None, rev=False, jac=True):
        x = x_or_z[0]
        if not rev:
            self.first_batch(self._initialize, x)
        positions = x[0, 0].numel()
        log_det = (positions * self.log_scale.sum()).expand(len(x))
        if rev:
            return (x * torch.exp(-self.log_scale) - self.bias,), -log_det
        return ((x + self.bias) * torch.exp(self.log_scale),), log_det

    def _initialize(self, x: Tensor) -> None:
        mean, std = channel_statistics(x)
        self.bias.copy_(-mean.view_as(self.bias))
        self.log_scale.copy_(-std.clamp(min=MIN_STD).log().view_as(self.bias))

    def output_dims(self, input_dims):
        return input_dims


def channel_statistics(x: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and standard deviation (C each) of x of B×C×… over everything but the channels, on all ranks together."""
    values = x.double().transpose(0, 1).flatten(1)
    sums = torch.stack([torch.full_like(values[:, 0], values.shape[1]), values.sum(1), values.square().sum(1)])
    count, total, squares = sum_over_ranks(sums)
    mean = total / count
    return mean.to(x.dtype), (squares / count - mean.square()).clamp(min=0).sqrt().to(x.dtype)
