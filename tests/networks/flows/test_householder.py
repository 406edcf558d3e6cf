import pytest
import torch

from networks.flows import Orthogonal, reflect


def product_of_reflections(v: torch.Tensor) -> torch.Tensor:
    """H₁ H₂ ⋯ H_m by its definition."""
    q = torch.eye(len(v), dtype=v.dtype)
    for column in v.T:
        q = q @ (torch.eye(len(v), dtype=v.dtype) - 2 * torch.outer(column, column) / column.square().sum())
    return q


@pytest.mark.parametrize("m", [1, 3, 7, 10])
def test_compact_wy_is_the_product_of_reflections(m: int) -> None:
    v, x = torch.randn(7, m, dtype=torch.float64), torch.randn(7, 5, dtype=torch.float64)
    q = product_of_reflections(v)
    assert torch.allclose(reflect(v, x), q @ x, atol=1e-12)
    assert torch.allclose(reflect(v, x, transpose=True), q.T @ x, atol=1e-12)


def test_gradients_are_those_of_the_product() -> None:
    v = torch.randn(5, 5, dtype=torch.float64, requires_grad=True)
    x, w = torch.randn(5, 3, dtype=torch.float64), torch.randn(5, 3, dtype=torch.float64)
    (ours,) = torch.autograd.grad((w * reflect(v, x)).sum(), v)
    (direct,) = torch.autograd.grad((w * (product_of_reflections(v) @ x)).sum(), v)
    assert torch.allclose(ours, direct, atol=1e-12)


def test_orthogonal_in_float32_at_full_size_and_after_steps() -> None:
    layer = Orthogonal(512)
    optimizer = torch.optim.SGD(layer.parameters(), lr=1.0)
    for _ in range(3):
        optimizer.zero_grad()
        layer(torch.randn(4, 512)).square().mul(torch.rand(512)).sum().backward()
        optimizer.step()
    q = layer(torch.eye(512)).detach()
    assert (q @ q.T - torch.eye(512)).abs().max() < 1e-5
    x = torch.randn(2, 3, 512)
    assert torch.allclose(layer(layer(x), transpose=True), x, atol=1e-4)
