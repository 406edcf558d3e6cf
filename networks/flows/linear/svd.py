"""Layers parametrised by their singular value decomposition."""

import torch
import torch.nn.functional as F
from FrEIA.modules import InvertibleModule
from torch import Tensor, nn

from networks.checks import finite
from networks.errors import InputError
from networks.flows.linear.cache import WeightCache
from networks.flows.linear.householder import Orthogonal
from networks.flows.linear.mix import mix
from networks.precision import forward_without_autocast


class SVD(nn.Module):
    """W = U Σ Vᵀ of d×d with learned U, Σ, V (Hvilshøj 2020: inverse O(d²), log-determinant O(d)).

    Args:
        dim: d.
        num_reflections: Householder reflections of each of U and V; d by default.
    """

    def __init__(self, dim: int, num_reflections: int | None = None) -> None:
        super().__init__()
        self.u, self.v = Orthogonal(dim, num_reflections), Orthogonal(dim, num_reflections)
        self.log_sigma = nn.Parameter(torch.zeros(dim))

    def forward(self, x: Tensor) -> Tensor:
        """W x of every vector in the last axis of x, …×d."""
        return self.u(self.log_sigma.exp() * self.v(x, transpose=True))

    def inverse(self, y: Tensor) -> Tensor:
        """W⁻¹ y = V Σ⁻¹ Uᵀ y."""
        return self.v((-self.log_sigma).exp() * self.u(y, transpose=True))

    def log_det(self) -> Tensor:
        """log|det W| = Σ log σ."""
        return self.log_sigma.sum()


class SVDLinear(InvertibleModule):
    """z = W x on vectors, W = U Σ Vᵀ.

    Args:
        num_reflections: see ``SVD``.

    Shapes:
        x of B×d → z of B×d.
    """

    def __init__(self, dims_in, dims_c=None, num_reflections: int | None = None):
        super().__init__(dims_in, dims_c)
        self.weight = SVD(dims_in[0][0], num_reflections)

    @forward_without_autocast
    def forward(self, x_or_z, c=None, rev=False, jac=True):
        x = x_or_z[0]
        log_det = self.weight.log_det().expand(len(x))
        return (self.weight.inverse(x),) if rev else (self.weight(x),), -log_det if rev else log_det

    def output_dims(self, input_dims):
        return input_dims


class SVDConv(InvertibleModule):
    """1×1 convolution by W = U Σ Vᵀ; log|det| = H·W·Σ log σ.

    There are far more pixels than channels, so W is formed once (from the identity, O(d³)) and
    convolved with; in evaluation it and its inverse are kept.

    Args:
        num_reflections: see ``SVD``.

    Shapes:
        x of B×C×H×W → z of B×C×H×W.
    """

    def __init__(self, dims_in, dims_c=None, num_reflections: int | None = None):
        super().__init__(dims_in, dims_c)
        self.weight = SVD(dims_in[0][0], num_reflections)
        self._matrix, self._inverse = WeightCache(), WeightCache()

    @forward_without_autocast
    def forward(self, x_or_z, c=None, rev=False, jac=True):
        x = x_or_z[0]
        weights = tuple(self.weight.parameters())
        matrix = self._inverse(weights, self._compute_inverse) if rev else self._matrix(weights, self._compute_matrix)
        log_det = (x[0, 0].numel() * self.weight.log_det()).expand(len(x))
        return (mix(matrix, x),), -log_det if rev else log_det

    # The layers take vectors as rows: W applied to the rows of I gives Wᵀ.
    def _compute_matrix(self) -> Tensor:
        return self.weight(self._eye()).T

    def _compute_inverse(self) -> Tensor:
        return self.weight.inverse(self._eye()).T

    def _eye(self) -> Tensor:
        log_sigma = self.weight.log_sigma
        return torch.eye(len(log_sigma), dtype=log_sigma.dtype, device=log_sigma.device)

    def output_dims(self, input_dims):
        return input_dims


class BoundedLinear(nn.Module):
    """y = U Σ Vᵀ x + b for use outside flows, with every singular value within bounds.

    A layer with σ ≤ 1 is 1-Lipschitz (for critics of Wasserstein GANs); with σ near 1 a deep or
    recurrent network neither explodes nor vanishes.

    Args:
        dim_in, dim_out: widths.
        sigma_min, sigma_max: bounds of the singular values, 0 ≤ min < max.

    Shapes:
        x of …×``dim_in`` → y of …×``dim_out``.
    """

    def __init__(self, dim_in: int, dim_out: int, sigma_min: float = 0.0, sigma_max: float = 1.0) -> None:
        super().__init__()
        if finite(sigma_min=sigma_min, sigma_max=sigma_max) or not 0 <= sigma_min < sigma_max:
            raise InputError(f"the bounds must be 0 <= sigma_min < sigma_max; got {sigma_min} and {sigma_max}")
        self.sigma_min, self.sigma_max = sigma_min, sigma_max
        self.u, self.v = Orthogonal(dim_out), Orthogonal(dim_in)
        self.raw_sigma = nn.Parameter(torch.zeros(min(dim_in, dim_out)))
        self.bias = nn.Parameter(torch.zeros(dim_out))

    @property
    def sigma(self) -> Tensor:
        """Singular values, min(``dim_in``, ``dim_out``), unsorted."""
        return self.sigma_min + (self.sigma_max - self.sigma_min) * torch.sigmoid(self.raw_sigma)

    def forward(self, x: Tensor) -> Tensor:
        rank, dim_out = len(self.raw_sigma), len(self.bias)
        h = self.sigma * self.v(x, transpose=True)[..., :rank]
        return self.u(F.pad(h, (0, dim_out - rank))) + self.bias
