from functools import partial

import pytest
import torch

from networks.flows import ChannelCoupling, CheckerboardCoupling, ConvNet, ResNet
from networks.flows.layers.coupling import Subnet
from networks.flows.layers.subnets import ZeroConv

IMAGE = [(4, 4, 6)]
SUBNETS = [
    partial(ConvNet, width=8),
    partial(ResNet, width=8, num_blocks=2),
    partial(ResNet, width=8, groups=2),
    ZeroConv,
]


@pytest.mark.parametrize("subnet", SUBNETS)
@pytest.mark.parametrize("kind", [ChannelCoupling, CheckerboardCoupling])
def test_every_coupling_starts_as_the_identity(kind: type, subnet: Subnet) -> None:
    x = torch.randn(2, *IMAGE[0])
    (z,), log_det = kind(IMAGE, None, subnet)([x])
    assert torch.equal(z, x) and not log_det.any()


@pytest.mark.parametrize("subnet", SUBNETS)
def test_its_last_layer_learns_from_the_first_step(subnet: Subnet) -> None:
    """The output starts at zero; were its input zero too, nothing would ever move."""
    network = subnet(2, 4)
    network(torch.randn(2, 2, 4, 4)).sum().backward()
    last = network if isinstance(network, ZeroConv) else network.last
    assert last.weight.grad is not None and last.weight.grad.abs().sum() > 0
