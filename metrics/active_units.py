"""How many latent dimensions of a variational autoencoder say anything of x."""

from typing import Any

import torch
from torch import Tensor
from torchmetrics import Metric


class ActiveUnits(Metric):
    """Number of latent dimensions d with Var_x(E[z_d|x]) > ``threshold``, over all samples of all ranks.

    Burda, Grosse & Salakhutdinov 2016 (*Importance Weighted Autoencoders*, 5.2), whose threshold it is: a
    dimension that has collapsed to the prior has the same mean for every x.

    Args:
        dim: D.
        threshold: of the variance.
    """

    full_state_update = False
    count: Tensor
    total: Tensor
    squares: Tensor

    def __init__(self, dim: int, threshold: float = 0.01, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.threshold = threshold
        self.add_state("count", torch.tensor(0), dist_reduce_fx="sum")
        self.add_state("total", torch.zeros(dim, dtype=torch.float64), dist_reduce_fx="sum")
        self.add_state("squares", torch.zeros(dim, dtype=torch.float64), dist_reduce_fx="sum")

    def update(self, means: Tensor) -> None:
        """Add E[z|x], B×D."""
        means = means.double()  # what is left of two sums that nearly cancel
        # Not in place: the states may have been made in inference mode, in which Lightning validates.
        self.count = self.count + len(means)
        self.total = self.total + means.sum(0)
        self.squares = self.squares + means.square().sum(0)

    def compute(self) -> Tensor:
        """A scalar between 0 and D."""
        variance = self.squares / self.count - (self.total / self.count).square()
        return (variance > self.threshold).sum().float()
