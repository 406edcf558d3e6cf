from collections.abc import Callable

import pytest
import torch
from FrEIA.modules import InvertibleModule

from networks import InputError
from networks.flows import SVD, BoundedLinear, SVDConv, SVDLinear
from tests.networks.flows.identities import check_start_and_beyond


@pytest.mark.parametrize(
    "make",
    [
        lambda: SVDConv([(4, 4, 6)]),
        lambda: SVDConv([(4, 4, 6)], num_reflections=2),
        lambda: SVDLinear([(5,)]),
    ],
)
def test_identities(make: Callable[[], InvertibleModule]) -> None:
    check_start_and_beyond(make())


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
