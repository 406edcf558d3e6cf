import pytest
import torch
from torch import Tensor

from networks.flows import RK4, Adaptive, Midpoint

A = torch.tensor([[0.0, 1.0], [-1.0, -0.3]], dtype=torch.float64)


def field(y: Tensor, t: Tensor) -> Tensor:
    """dy/dt = A y (1 + t): y(t) = exp(A (t + t²/2)) y(0)."""
    return (1 + t) * y @ A.T


def error(solver, steps: int, back: bool = False) -> float:
    y0 = torch.tensor([[1.0, 0.5], [-2.0, 1.0]], dtype=torch.float64)
    y1 = y0 @ torch.matrix_exp(1.5 * A).T
    times = torch.linspace(0, 1, steps + 1, dtype=torch.float64)
    start, end, times = (y1, y0, times.flip(0)) if back else (y0, y1, times)
    return float((solver.integrate(field, start, times) - end).abs().max())


@pytest.mark.parametrize(("solver", "order"), [(Midpoint(), 2), (RK4(), 4)])
@pytest.mark.parametrize("back", [False, True])
def test_order_of_convergence(solver, order: int, back: bool) -> None:
    ratio = error(solver, 20, back) / error(solver, 40, back)
    assert ratio == pytest.approx(2**order, rel=0.15)


def test_adaptive_keeps_its_tolerance_both_ways() -> None:
    for back in (False, True):
        assert error(Adaptive(1e-8, 1e-8), 1, back) < 1e-6
        assert error(Adaptive(1e-2, 1e-2), 1, back) > 1e-6


def test_adaptive_steps_are_those_of_the_worst_sample() -> None:
    """A sample among easy ones is integrated as exactly as alone."""
    stiff = lambda y, t: -30 * y * y.abs().amax(1, keepdim=True)  # noqa: E731
    times = torch.tensor([0.0, 1.0], dtype=torch.float64)
    hard = torch.tensor([[3.0, 1.0]], dtype=torch.float64)
    batch = torch.cat([hard, 1e-3 * torch.randn(500, 2, dtype=torch.float64)])
    solver = Adaptive(1e-6, 1e-6)
    together, alone = solver.integrate(stiff, batch, times)[0], solver.integrate(stiff, hard, times)[0]
    assert torch.allclose(together, alone, atol=1e-5)
