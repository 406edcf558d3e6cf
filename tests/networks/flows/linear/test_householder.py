import pytest
import torch

from networks.flows import Orthogonal, reflect, reflect_each


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


@pytest.mark.parametrize("t", [1, 2, 5, 12])
def test_reflections_of_each_row_are_those_one_after_the_other(t: int) -> None:
    v, z = torch.randn(4, t, 5, dtype=torch.float64), torch.randn(4, 5, dtype=torch.float64)
    expected = z
    for w in v.unbind(1):
        expected = expected - 2 * w * (w * expected).sum(1, keepdim=True) / w.square().sum(1, keepdim=True)
    assert torch.allclose(reflect_each(v, z), expected, atol=1e-12)
    several = torch.stack([z, 2 * z, -z])
    assert torch.allclose(reflect_each(v, several), torch.stack([expected, 2 * expected, -expected]), atol=1e-12)
    one = reflect(v[0].T, z[0][:, None], transpose=True)[:, 0]
    assert torch.allclose(one, expected[0], atol=1e-12)


def test_reflections_of_each_row_keep_its_length_and_have_gradients() -> None:
    v = torch.randn(3, 4, 6, dtype=torch.float64, requires_grad=True)
    z = torch.randn(3, 6, dtype=torch.float64, requires_grad=True)
    assert torch.allclose(reflect_each(v, z).norm(dim=1), z.norm(dim=1), atol=1e-12)
    assert torch.autograd.gradcheck(reflect_each, (v, z))
    q = reflect_each(v[:1].expand(6, -1, -1), torch.eye(6, dtype=torch.float64))
    assert torch.allclose(q @ q.T, torch.eye(6, dtype=torch.float64), atol=1e-12)
