from collections.abc import Callable

import pytest
import torch
from FrEIA.modules import InvertibleModule
from torch import nn

from networks import InputError
from networks.flows import PeriodicConv
from tests.networks.flows.identities import check_start_and_beyond, perturb


@pytest.mark.parametrize(
    "make",
    [
        lambda: PeriodicConv([(4, 4, 6)]),
        lambda: PeriodicConv([(2, 5, 5)], kernel_size=5),
    ],
)
def test_identities(make: Callable[[], InvertibleModule]) -> None:
    check_start_and_beyond(make())


def test_periodic_convolution_is_the_convolution_of_a_repeated_image() -> None:
    layer = PeriodicConv([(2, 4, 4)])
    perturb(layer, 0.3)
    x = torch.randn(1, 2, 4, 4)
    repeated = nn.functional.conv2d(x.repeat(1, 1, 3, 3), layer.kernel, padding=1)[:, :, 4:8, 4:8]
    assert torch.allclose(layer([x])[0][0], repeated, atol=1e-5)


@pytest.mark.parametrize("size", [2, 6])
def test_periodic_kernels_must_be_odd_and_fit(size: int) -> None:
    with pytest.raises(InputError, match=f"at most 5, the image's side; got {size}"):
        PeriodicConv([(2, 5, 5)], kernel_size=size)
