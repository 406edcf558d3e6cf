from collections.abc import Callable
from functools import partial

import pytest
import torch
from FrEIA.modules import InvertibleModule

from networks.flows import ChannelCoupling, CheckerboardCoupling, ConvNet, ResNet
from tests.networks.flows.identities import check_layer, check_start_and_beyond, perturb

IMAGE = [(4, 4, 6)]
SUBNET = partial(ConvNet, width=8)


@pytest.mark.parametrize(
    "make",
    [
        lambda: ChannelCoupling(IMAGE, None, SUBNET),
        lambda: ChannelCoupling(IMAGE, None, SUBNET, affine=False),
        lambda: ChannelCoupling([(3, 4, 4)], None, SUBNET, swap=True),
        lambda: ChannelCoupling([(3, 4, 4)], None, partial(ResNet, width=8, num_blocks=1, groups=2)),
        lambda: CheckerboardCoupling(IMAGE, None, SUBNET),
        lambda: CheckerboardCoupling(IMAGE, None, SUBNET, affine=False),
        lambda: CheckerboardCoupling([(1, 5, 4)], None, SUBNET, swap=True),
    ],
)
def test_identities(make: Callable[[], InvertibleModule]) -> None:
    check_start_and_beyond(make())


@pytest.mark.parametrize("kind", [ChannelCoupling, CheckerboardCoupling])
def test_conditional_couplings(kind: type) -> None:
    layer = kind(IMAGE, [(3,)], SUBNET).double().eval()
    perturb(layer)
    x = torch.randn(2, *IMAGE[0], dtype=torch.float64)
    c = torch.eye(3, dtype=torch.float64)
    check_layer(layer, x, [c[:1].expand(2, -1)])
    first, second = (layer([x], [c[i : i + 1].expand(2, -1)])[0][0] for i in (0, 1))
    assert not torch.allclose(first, second)


def test_a_coupling_changes_its_half_alone() -> None:
    x = torch.randn(2, *IMAGE[0])
    for swap in (False, True):
        layer = ChannelCoupling(IMAGE, None, SUBNET, swap=swap)
        perturb(layer)
        changed = (layer([x])[0][0] != x).any(dim=(0, 2, 3))
        assert changed.tolist() == ([True] * 2 + [False] * 2 if swap else [False] * 2 + [True] * 2)
        board = CheckerboardCoupling(IMAGE, None, SUBNET, swap=swap)
        perturb(board)
        changed = (board([x])[0][0] != x).any(dim=(0, 1))
        expected = (torch.arange(4)[:, None] + torch.arange(6)) % 2 == (0 if swap else 1)
        assert torch.equal(changed, expected)


def test_a_coupling_without_a_subnet_is_an_error() -> None:
    with pytest.raises(TypeError, match="needs a subnet"):
        ChannelCoupling(IMAGE)
