"""Invertible layers one after the other."""

from collections.abc import Sequence
from typing import Any

from FrEIA.modules import InvertibleModule
from torch import Tensor, nn

from networks.flows.recompute import recomputed


class Chain(InvertibleModule):
    """f = f_n ∘ … ∘ f_1 of layers with one input and one output each.

    Args:
        layers: in the order in which x passes them; all see the same condition.
        recompute: in training, keep the output alone and rebuild every activation through the
            inverse in the backward pass: memory does not grow with depth, at the price of one more
            inverse and one more forward pass. The gradients are the plain ones up to rounding.
    """

    def __init__(self, dims_in, dims_c=None, layers: Sequence[InvertibleModule] = (), recompute: bool = False):
        super().__init__(dims_in, dims_c)
        self.layers: Any = nn.ModuleList(layers)  # a ModuleList forgets its modules' class
        self.recompute = recompute

    def forward(self, x_or_z, c=None, rev=False, jac=True):
        if self.recompute and self.training and not rev:
            return recomputed(self.layers, x_or_z[0], c)
        log_det: Tensor | float = 0.0
        for layer in reversed(self.layers) if rev else self.layers:
            x_or_z, change = layer(x_or_z, c, rev=rev, jac=jac)
            log_det = log_det + change
        return x_or_z, log_det

    def output_dims(self, input_dims):
        for layer in self.layers:
            input_dims = layer.output_dims(input_dims)
        return input_dims
