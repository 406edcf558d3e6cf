from collections.abc import Callable

import pytest
import torch
from FrEIA.modules import InvertibleModule

from networks.flows import CircularConv
from tests.networks.flows.identities import check_start_and_beyond, perturb


@pytest.mark.parametrize(
    "make",
    [
        lambda: CircularConv([(4, 4, 6)]),
        lambda: CircularConv([(3, 5, 5)]),
    ],
)
def test_identities(make: Callable[[], InvertibleModule]) -> None:
    check_start_and_beyond(make())


def test_circular_convolution_is_the_direct_sum() -> None:
    layer = CircularConv([(2, 3, 4)]).double()
    perturb(layer, 0.3)
    x = torch.randn(1, 2, 3, 4, dtype=torch.float64)
    expected = torch.zeros_like(x)
    for a in range(2):
        for b in range(3):
            for d in range(4):
                expected += layer.kernel[a, b, d] * x.roll((a, b, d), (1, 2, 3))
    assert torch.allclose(layer([x])[0][0], expected)
