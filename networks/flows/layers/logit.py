"""The logit that takes bounded grey values to the real line."""

import math

import torch
import torch.nn.functional as F
from FrEIA.modules import InvertibleModule
from torch import Tensor


class Logit(InvertibleModule):
    """y = logit(α + (1 − 2α) (x − low) / (high − low)), elementwise (RealNVP, Dinh et al. 2017, 4.1).

    Args:
        bounds: (low, high), the range of x.
        alpha: keeps the argument away from 0 and 1, where the logit diverges.

    Shapes:
        x of B×…, with values in ``bounds``, → y of the same shape, log|det| of B.
    """

    def __init__(self, dims_in, dims_c=None, bounds: tuple[float, float] = (0.0, 1.0), alpha: float = 0.05):
        super().__init__(dims_in, dims_c)
        self.bounds, self.alpha = bounds, alpha

    def forward(self, x_or_z, c=None, rev=False, jac=True):
        return self._inverse(x_or_z[0]) if rev else self._forward(x_or_z[0])

    def _forward(self, x: Tensor):
        low, high = self.bounds
        scale = (1 - 2 * self.alpha) / (high - low)
        y = torch.logit(self.alpha + scale * (x - low))
        return (y,), self._log_det(y, scale)

    def _inverse(self, y: Tensor):
        low, high = self.bounds
        scale = (1 - 2 * self.alpha) / (high - low)
        return (low + (torch.sigmoid(y) - self.alpha) / scale,), -self._log_det(y, scale)

    @staticmethod
    def _log_det(y: Tensor, scale: float) -> Tensor:
        # p = σ(y): dy/dx = scale / (p (1 − p)), and −log p = softplus(−y), −log(1 − p) = softplus(y)
        return (F.softplus(y) + F.softplus(-y) + math.log(scale)).flatten(1).sum(1)

    def output_dims(self, input_dims):
        return input_dims
