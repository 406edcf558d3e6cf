"""Orthogonal layers of width d on a batch of 32: forward, and forward with backward.

python benchmarks/orthogonal_layers.py

Everything here applies an orthogonal d×d matrix that a gradient step cannot make non-orthogonal, but
the dense matrix: it needs an inverse and a log-determinant of its own, and is timed with both.
Times are medians over rounds in which all take turns, ratios are to compact WY.
"""

import statistics
import time
from collections.abc import Callable

import torch
from torch import Tensor

from networks.flows import reflect

BATCH, SIZES, ROUNDS = 32, (64, 128, 256, 512, 1024), 7


def sequential(v: Tensor, x: Tensor) -> Tensor:
    """One reflection after the other (Mhammedi et al. 2017)."""
    v = v / v.norm(dim=0, keepdim=True)
    for column in v.T.flip(0):
        x = x - 2 * torch.outer(column, column @ x)
    return x


def blocked(v: Tensor, x: Tensor, size: int = 32) -> Tensor:
    """Compact WY of blocks of 32 reflections, the blocks one after the other (FastH, Hvilshøj 2020)."""
    for block in reversed(v.split(size, dim=1)):
        x = reflect(block, x)
    return x


def householder_product(v: Tensor, x: Tensor) -> Tensor:
    """torch.linalg.householder_product, whose vectors have a unit diagonal and zeros above."""
    lower = v.tril(-1) + torch.eye(len(v), dtype=v.dtype)
    return torch.linalg.householder_product(lower, 2 / lower.square().sum(0)) @ x


def matrix_exponential(v: Tensor, x: Tensor) -> Tensor:
    """exp(A − Aᵀ), what torch.nn.utils.parametrizations.orthogonal offers for square matrices."""
    return torch.linalg.matrix_exp(v.tril(-1) - v.tril(-1).T) @ x


def cayley(v: Tensor, x: Tensor) -> Tensor:
    """(I + A)⁻¹ (I − A) with skew A, the other one."""
    skew = v.tril(-1) - v.tril(-1).T
    eye = torch.eye(len(v), dtype=v.dtype)
    return torch.linalg.solve(eye + skew, x - skew @ x)


def dense(v: Tensor, x: Tensor) -> Tensor:
    """No guarantee: product, inverse and log-determinant of any matrix."""
    return v @ x + 0 * torch.linalg.inv(v)[:, :1] + 0 * torch.linalg.slogdet(v).logabsdet


METHODS: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "compact WY": reflect,
    "sequential": sequential,
    "blocked WY": blocked,
    "householder_product": householder_product,
    "matrix_exp": matrix_exponential,
    "Cayley": cayley,
    "dense + inv + slogdet": dense,
}


def seconds(method: Callable[[Tensor, Tensor], Tensor], v: Tensor, x: Tensor, backward: bool) -> float:
    start = time.perf_counter()
    with torch.set_grad_enabled(backward):
        y = method(v, x)
        if backward:
            torch.autograd.grad(y.square().sum(), [v, x])
    return time.perf_counter() - start


def main() -> None:
    print(f"torch {torch.__version__}, {torch.get_num_threads()} threads; milliseconds (times compact WY)")
    for backward in (False, True):
        print("\n| " + " | ".join(["forward + backward" if backward else "forward", *map(str, SIZES)]) + " |")
        print("|---" * (len(SIZES) + 1) + "|")
        cells: dict[str, list[str]] = {name: [] for name in METHODS}
        for d in SIZES:
            v = (torch.randn(d, d) / d**0.5).requires_grad_()
            x = torch.randn(d, BATCH, requires_grad=True)
            times: dict[str, list[float]] = {name: [] for name in METHODS}
            for _ in range(ROUNDS):
                for name, method in METHODS.items():
                    times[name].append(seconds(method, v, x, backward))
            medians = {name: statistics.median(t[1:]) for name, t in times.items()}
            for name, t in medians.items():
                cells[name].append(f"{1e3 * t:.2f} ({t / medians['compact WY']:.1f}×)")
        for name, row in cells.items():
            print("| " + " | ".join([name, *row]) + " |")


if __name__ == "__main__":
    main()
