from functools import partial

import torch

from networks.flows import ActNorm, Chain, ChannelCoupling, ConvNet, LUConv, Squeeze
from tests.networks.flows.identities import check_start_and_beyond

IMAGE = [(1, 4, 4)]


def layers() -> list:
    squeezed = [(4, 2, 2)]
    return [
        Squeeze(IMAGE),
        ActNorm(squeezed),
        LUConv(squeezed),
        ChannelCoupling(squeezed, None, partial(ConvNet, width=8)),
    ]


def test_identities() -> None:
    chain = Chain(IMAGE, None, layers())
    assert chain.output_dims(IMAGE) == [(4, 2, 2)]
    check_start_and_beyond(chain)


def test_one_layer_after_the_other() -> None:
    parts = layers()
    x = torch.randn(2, *IMAGE[0])
    (h,), total = (x,), torch.zeros(2)
    for layer in parts:
        (h,), log_det = layer([h])
        total = total + log_det
    (z,), log_det = Chain(IMAGE, None, parts)([x])
    assert torch.equal(z, h) and torch.allclose(log_det, total)
