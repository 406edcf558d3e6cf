"""Fixed permutation of the channels."""

import torch
from FrEIA.modules import InvertibleModule


class Permute(InvertibleModule):
    """z = x[:, π] with π drawn once from ``seed``; log|det| = 0.

    π is a non-persistent buffer rebuilt from the seed: an exponential moving average of integer
    weights would corrupt it, and drawing it must not touch the global random state.
    """

    def __init__(self, dims_in, dims_c=None, seed: int = 0):
        super().__init__(dims_in, dims_c)
        channels = dims_in[0][0]
        generator = torch.Generator().manual_seed(seed)
        identity = perm = torch.arange(channels, device="cpu")  # values also where a network is laid out on "meta"
        while channels > 1 and torch.equal(perm, identity):
            perm = torch.randperm(channels, generator=generator, device="cpu")
        self.register_buffer("perm", perm, persistent=False)
        self.register_buffer("inverse", torch.argsort(perm), persistent=False)

    def forward(self, x_or_z, c=None, rev=False, jac=True):
        x = x_or_z[0]
        return (x[:, self.inverse if rev else self.perm],), x.new_zeros(len(x))

    def output_dims(self, input_dims):
        return input_dims
