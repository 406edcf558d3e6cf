"""Orthogonal matrices as products of Householder reflections, in compact WY form."""

import torch
from torch import Tensor, nn

from networks.precision import without_autocast


@without_autocast
def reflect(v: Tensor, x: Tensor, transpose: bool = False) -> Tensor:
    """Q x (or Qᵀ x) for Q = H₁ H₂ ⋯ H_m, H_i = I − 2 v_i v_iᵀ / ‖v_i‖².

    With unit columns V, Q = I − V S⁻¹ Vᵀ, S = triu(VᵀV, 1) + ½ I (compact WY: Bischof & Van Loan 1987,
    *The WY Representation for Products of Householder Matrices*; S as in Joffrain et al. 2006,
    *Accumulating Householder transformations, revisited*): two products and one triangular solve
    instead of m reflections one after the other (Hvilshøj 2020, "What if Neural Networks had SVDs?").

    Args:
        v: the vectors as columns, d×m; none may be zero.
        x: d×n.
        transpose: Qᵀ = Q⁻¹ instead.

    Returns:
        d×n, in O(d m n + d m²).
    """
    v, x = in_float32(v, x)
    v = v / v.norm(dim=0, keepdim=True)
    s = (v.T @ v).triu(1) + 0.5 * torch.eye(v.shape[1], dtype=v.dtype, device=v.device)
    if transpose:
        return x - v @ torch.linalg.solve_triangular(s.T, v.T @ x, upper=False)
    return x - v @ torch.linalg.solve_triangular(s, v.T @ x, upper=True)


@without_autocast
def reflect_each(v: Tensor, z: Tensor) -> Tensor:
    """H_T ⋯ H₂ H₁ z of every row of z by vectors of its own, H_t = I − 2 v_t v_tᵀ / ‖v_t‖².

    The Householder flow of Tomczak & Welling 2016 (arXiv 1611.09630), eq. 9, in which the encoder gives every
    sample its v_1 … v_T. All reflections at once, as in ``reflect``: this is Qᵀ of the Q there.

    Args:
        v: the vectors as rows, B×T×D; none may be zero.
        z: B×D, or S×B×D for several z a sample.

    Returns:
        as z, in O(T D + T² D / S) a row.
    """
    v, z = in_float32(v, z)
    v = v / v.norm(dim=-1, keepdim=True)
    s = (v @ v.mT).triu(1) + 0.5 * torch.eye(v.shape[1], dtype=v.dtype, device=v.device)
    return z - (v.mT @ torch.linalg.solve_triangular(s.mT, v @ z[..., None], upper=False))[..., 0]


def in_float32(*tensors: Tensor) -> list[Tensor]:
    """The same where they are float32 or wider; half precision knows no triangular solve."""
    return [t.float() if t.dtype in (torch.bfloat16, torch.float16) else t for t in tensors]


class Orthogonal(nn.Module):
    """y = Q x with a learned orthogonal Q, for any gradient step exactly orthogonal.

    Args:
        dim: d.
        num_reflections: m; d (the default) reaches every Q of one sign of the determinant.

    Shapes:
        x of …×d → y of …×d.
    """

    def __init__(self, dim: int, num_reflections: int | None = None) -> None:
        super().__init__()
        self.v = nn.Parameter(torch.randn(dim, num_reflections or dim))

    def forward(self, x: Tensor, transpose: bool = False) -> Tensor:
        """Q x of every vector in the last axis of x, or Qᵀ x."""
        return reflect(self.v, x.flatten(0, -2).T, transpose).T.reshape(x.shape)
