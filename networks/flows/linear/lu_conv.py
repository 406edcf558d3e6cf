"""Learned 1×1 convolution, by its LU decomposition."""

import torch
from FrEIA.modules import InvertibleModule
from torch import Tensor, nn

from networks.flows.linear.cache import WeightCache
from networks.flows.linear.mix import mix
from networks.precision import forward_without_autocast


class LUConv(InvertibleModule):
    """Every pixel's channels times W = P L (U + diag(s)); log|det| = H·W·Σ log|s| (Glow, 3.2).

    L is unit lower triangular, U strictly upper triangular, P a fixed permutation; W starts as a
    random rotation. The inverse is computed once in evaluation.

    Args:
        seed: of the rotation.

    Shapes:
        x of B×C×H×W → z of B×C×H×W.
    """

    p: Tensor
    sign_s: Tensor

    def __init__(self, dims_in, dims_c=None, seed: int = 0):
        super().__init__(dims_in, dims_c)
        channels = dims_in[0][0]
        p, lower, upper = torch.linalg.lu(random_rotation(channels, seed))
        s = upper.diagonal()
        self.lower = nn.Parameter(lower.tril(-1))
        self.upper = nn.Parameter(upper.triu(1))
        self.log_s = nn.Parameter(s.abs().log())
        # Floats, rebuilt from the seed: not in the state, so that nothing averages them.
        self.register_buffer("sign_s", s.sign(), persistent=False)
        self.register_buffer("p", p, persistent=False)
        self._weight, self._inverse = WeightCache(), WeightCache()

    @forward_without_autocast
    def forward(self, x_or_z, c=None, rev=False, jac=True):
        x = x_or_z[0]
        weights = (self.lower, self.upper, self.log_s)
        matrix = self._inverse(weights, self._compute_inverse) if rev else self._weight(weights, self._compute_weight)
        log_det = (x[0, 0].numel() * self.log_s.sum()).expand(len(x))
        return (mix(matrix, x),), -log_det if rev else log_det

    def _factors(self) -> tuple[Tensor, Tensor]:
        eye = torch.eye(len(self.log_s), dtype=self.log_s.dtype, device=self.log_s.device)
        upper = self.upper.triu(1) + torch.diag(self.sign_s * self.log_s.exp())
        return self.lower.tril(-1) + eye, upper

    def _compute_weight(self) -> Tensor:
        lower, upper = self._factors()
        return self.p @ lower @ upper

    def _compute_inverse(self) -> Tensor:
        lower, upper = self._factors()
        half = torch.linalg.solve_triangular(lower, self.p.T, upper=False, unitriangular=True)
        return torch.linalg.solve_triangular(upper, half, upper=True)

    def output_dims(self, input_dims):
        return input_dims


def random_rotation(dim: int, seed: int) -> Tensor:
    """A d×d orthogonal matrix, drawn by seed without touching the global random state."""
    return torch.linalg.qr(torch.randn(dim, dim, generator=torch.Generator().manual_seed(seed)))[0]
