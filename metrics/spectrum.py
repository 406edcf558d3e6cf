"""The singular values of a chart's Jacobian: how many directions the data manifold has."""

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor
from torch.func import jacrev, vmap


class Spectrum(NamedTuple):
    """Singular value decomposition ∂g/∂z = U Σ Vᵀ at N points.

    Attributes:
        u: left singular vectors, N×P×k, k = min(P, D), P the values in one sample; the first
            ones span the tangent space of the data manifold (Dombrowski et al., IV.A).
        sigma: singular values, N×k, in descending order.
    """

    u: Tensor
    sigma: Tensor


def jacobian(decode: Callable[[Tensor], Tensor], z: Tensor, chunk_size: int | None = None) -> Tensor:
    """∂g/∂z at every row of z (N×D), exactly; N×P×D. Memory: N·P·D floats.

    Args:
        decode: g, n×D → n×``shape``.
        chunk_size: points differentiated at once; ``None`` takes all.
    """
    return vmap(jacrev(lambda row: decode(row[None])[0].flatten()), chunk_size=chunk_size)(z)


def spectrum(decode: Callable[[Tensor], Tensor], z: Tensor, chunk_size: int | None = None) -> Spectrum:
    """Exact spectrum of ∂g/∂z at every row of z; see ``jacobian`` for the arguments."""
    u, sigma, _ = torch.linalg.svd(jacobian(decode, z, chunk_size), full_matrices=False)
    return Spectrum(u, sigma)


def effective_dimension(sigma: Tensor) -> Tensor:
    """Participation ratio (Σ σ²)² / Σ σ⁴ of singular values (…×k → …), between 1 and k."""
    # Scaled by the largest first: σ⁴ of a large spectrum leaves float32's range.
    energy = (sigma / sigma.amax(-1, keepdim=True)).square()
    return energy.sum(-1).square() / energy.square().sum(-1)


def dimension_above(sigma: Tensor, fraction: float = 0.1) -> Tensor:
    """Number of singular values above ``fraction`` of the largest (…×k → …)."""
    return (sigma > fraction * sigma.amax(-1, keepdim=True)).sum(-1)
