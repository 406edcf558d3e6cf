"""The singular values of a chart's Jacobian: how many directions the data manifold has."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.func import jacrev, jvp, vjp, vmap


class Spectrum(NamedTuple):
    """Singular value decomposition J ≈ U Σ Vᵀ at N points, all of it or its leading k; NaN where J is not finite.

    Attributes:
        u: left singular vectors, N×P×k, P the values in one output; for J = ∂g/∂z the first ones
            span the tangent space of the data manifold (Dombrowski et al., IV.A).
        sigma: singular values, N×k, in descending order.
        v: right singular vectors, N×D×k.
        energy: ‖J‖²_F = Σ σ² over all singular values, N; estimated where k is not all of them.
    """

    u: Tensor
    sigma: Tensor
    v: Tensor
    energy: Tensor


def jacobian(decode: Callable[[Tensor], Tensor], z: Tensor, chunk_size: int = 4096) -> Tensor:
    """∂g/∂z at every row of z (N×D), exactly; N×P×D. Memory: N·P·D floats, and the pass below.

    Args:
        decode: g, n×D → n×``shape``.
        chunk_size: rows of Jacobians computed at once.
    """
    points = max(1, chunk_size // z.shape[1])
    return vmap(
        jacrev(lambda row: decode(row[None])[0].flatten(), chunk_size=chunk_size),
        chunk_size=points if points < len(z) else None,
    )(z)


def spectrum(decode: Callable[[Tensor], Tensor], z: Tensor, chunk_size: int = 4096) -> Spectrum:
    """Exact spectrum of ∂g/∂z at every row of z; see ``jacobian`` for the arguments."""
    u, sigma, vh = _svd(jacobian(decode, z, chunk_size))
    return Spectrum(u, sigma, vh.mT, sigma.square().sum(1))


def leading_spectrum(
    function: Callable[[Tensor], Tensor],
    points: Tensor,
    k: int = 32,
    oversample: int = 8,
    passes: int = 3,
    seeds: Sequence[int] | None = None,
) -> Spectrum:
    """The k largest singular values of ∂function/∂x at every point, without ever forming the Jacobian.

    Randomised subspace iteration (Halko, Martinsson & Tropp 2011, *Finding structure with
    randomness*, algorithm 4.4) by Jacobian-vector products in both directions, all vectors of all
    points in one batch, with a QR factorisation after each. The result is looked for in the span of
    all passes, not of the last alone (block Krylov: Musco & Musco 2015): flat spectra need it.

    Args:
        function: n×(shape of a point) → n×…, each row of its own; differentiable forwards and backwards.
        points: N×….
        k: how many singular values.
        oversample: further vectors that are iterated along; they make the last ones accurate.
        passes: times J Jᵀ is applied; with 0 the result is 20 % off. Memory: N·P·(k + oversample)·(passes + 1).
        seeds: of the points' random vectors, N, so that a point's spectrum does not depend on the others'; ``None``
            for torch's own.

    Returns:
        ``energy`` is exact of what the subspace holds, and of the rest Hutchinson's estimate from k + ``oversample``
        further products (Hutch++: Meyer, Musco, Musco & Woodruff 2021).
    """
    n, dim = len(points), points[0].numel()
    width = min(k + oversample, dim)
    flat = lambda x: function(x.view(-1, *points.shape[1:])).flatten(1)  # noqa: E731
    repeated = points.flatten(1).repeat_interleave(width, 0)

    def push(v: Tensor) -> Tensor:
        """J v: N×D×w → N×P×w."""
        return jvp(flat, (repeated,), (_rows(v),))[1].view(n, width, -1).mT

    pullback = vjp(flat, repeated)[1]

    def pull(u: Tensor) -> Tensor:
        """Jᵀ u: N×P×w → N×D×w."""
        return pullback(_rows(u))[0].view(n, width, -1).mT

    start, probes = _normal(n, (dim, 2 * width), seeds).to(points).chunk(2, 2)
    blocks = [push(start)]
    for _ in range(passes):
        blocks.append(push(torch.linalg.qr(pull(torch.linalg.qr(blocks[-1])[0]))[0]))
    basis = torch.linalg.qr(torch.cat(blocks, 2))[0]
    rows = [pull(F.pad(part, (0, width - part.shape[2])))[..., : part.shape[2]] for part in basis.split(width, 2)]
    v, sigma, wh = _svd(torch.cat(rows, 2))  # Jᵀ basis = V Σ Wᵀ
    beyond = push(probes)
    beyond = beyond - basis @ (basis.mT @ beyond)
    energy = sigma.square().sum(1) + beyond.square().sum((1, 2)) / width  # E‖A ω‖² = ‖A‖²_F for ω ~ N(0, I)
    return Spectrum((basis @ wh.mT)[..., :k], sigma[:, :k], v[..., :k], energy)


def smallest_sigma(encode: Callable[[Tensor], Tensor], x: Tensor, k: int = 32, **options: Any) -> Tensor:
    """The k smallest singular values of ∂g/∂z at g⁻¹(x), N×k, in descending order.

    σ(∂g/∂z) = 1/σ(∂f/∂x) for f = g⁻¹: the small end is the large one of the flow's forward direction.
    ``encode`` is f, n×``shape`` → n×D; ``options`` are those of ``leading_spectrum``.
    """
    return leading_spectrum(encode, x, k, **options).sigma.reciprocal().flip(1)


def effective_dimension(sigma: Tensor, energy: Tensor | None = None) -> Tensor:
    """Participation ratio (Σ σ²)² / Σ σ⁴ of singular values (…×k → …), between 1 and their number; 0 where all are 0.

    Where only the leading σ are known, ``energy`` is Σ σ² over all of them; what the others add to
    Σ σ⁴ is left out.
    """
    # Scaled by the largest first: σ⁴ of a large spectrum leaves float32's range.
    largest = sigma.amax(-1, keepdim=True)
    squares = (sigma / largest).square()
    total = squares.sum(-1) if energy is None else energy / largest[..., 0].square()
    return torch.where(largest[..., 0] > 0, total.square() / squares.square().sum(-1), largest[..., 0])


def dimension_above(sigma: Tensor, fraction: float = 0.1) -> Tensor:
    """Number of singular values above ``fraction`` of the largest (…×k → …)."""
    return (sigma > fraction * sigma.amax(-1, keepdim=True)).sum(-1)


def _svd(matrices: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Of N×P×D; all NaN of those that are not finite, with which LAPACK would give up on the others, too."""
    unknown = ~matrices.isfinite().all(2).all(1)
    parts = torch.linalg.svd(matrices.masked_fill(unknown[:, None, None], 0), full_matrices=False)
    u, sigma, vh = (part.masked_fill(unknown.view(-1, *[1] * (part.ndim - 1)), torch.nan) for part in parts)
    return u, sigma, vh


def _normal(n: int, shape: tuple[int, int], seeds: Sequence[int] | None) -> Tensor:
    """n×``shape``."""
    if seeds is None:
        return torch.randn(n, *shape)
    return torch.stack([torch.randn(shape, generator=torch.Generator().manual_seed(seed)) for seed in seeds])


def _rows(v: Tensor) -> Tensor:
    """N×D×w → (N·w)×D."""
    return v.mT.reshape(-1, v.shape[1])
