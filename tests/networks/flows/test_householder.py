import pytest
import torch

from networks import InputError
from networks.flows import SVD, BoundedLinear, Orthogonal, reflect


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


def test_svd_is_what_it_says() -> None:
    svd = SVD(6).double()
    with torch.no_grad():
        svd.log_sigma.copy_(torch.linspace(-1, 1.2, 6))
    w = svd(torch.eye(6, dtype=torch.float64)).T
    assert torch.allclose(torch.linalg.svdvals(w), svd.log_sigma.exp().flip(0))
    assert torch.allclose(torch.linalg.slogdet(w).logabsdet, svd.log_det())
    assert torch.allclose(svd.inverse(torch.eye(6, dtype=torch.float64)).T @ w, torch.eye(6, dtype=torch.float64))


@pytest.mark.parametrize("dims", [(6, 4), (4, 6), (5, 5)])
def test_bounded_linear_keeps_its_singular_values_in_bounds(dims: tuple[int, int]) -> None:
    layer = BoundedLinear(*dims, sigma_min=0.5, sigma_max=1.0)
    with torch.no_grad():
        layer.raw_sigma.copy_(100 * torch.randn_like(layer.raw_sigma))
    w = (layer(torch.eye(dims[0])) - layer.bias).T.detach()
    sigma = torch.linalg.svdvals(w)
    assert w.shape == (dims[1], dims[0]) and sigma.min() > 0.499 and sigma.max() < 1.001
    assert torch.allclose(sigma, layer.sigma.sort(descending=True).values, atol=1e-5)


def test_bounds_upside_down_are_refused() -> None:
    with pytest.raises(InputError, match=r"got 1\.0 and 0\.5"):
        BoundedLinear(3, 3, 1.0, 0.5)
