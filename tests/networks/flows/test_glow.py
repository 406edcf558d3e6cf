from collections.abc import Callable
from functools import partial

import pytest
import torch

from networks import CircularConv, ConvNet, Glow, InputError, LUConv, PeriodicConv, Permute, ResNet, SVDConv
from networks.flows import Flow
from tests.networks.flows.identities import check_conditional_flow, check_trained_flow, perturb

TINY = partial(Glow, [1, 8, 8], num_steps=2, num_scales=2, subnet=partial(ConvNet, width=8))
FLOWS: dict[str, Callable[[], Flow]] = {
    "additive": partial(TINY, affine=False),
    "colour-odd": partial(Glow, [3, 4, 6], 2, 1, partial(ConvNet, width=8)),
    "logit": partial(TINY, alpha=0.05),
    "marginals": partial(TINY, marginal_bins=8),
    "resnet": partial(Glow, [1, 8, 8], 1, 2, partial(ResNet, width=8, num_blocks=1, groups=2)),
    **{m.__name__: partial(TINY, mixing=m) for m in (LUConv, SVDConv, CircularConv, Permute)},
    "PeriodicConv": partial(TINY, num_scales=1, mixing=PeriodicConv),
}


@pytest.mark.parametrize("name", FLOWS)
def test_identities(name: str) -> None:
    """At its start, and away from it."""
    check_trained_flow(FLOWS[name]())


def test_conditional() -> None:
    check_conditional_flow(TINY(num_conditions=3))


def test_float32_round_trip_of_the_papers_glow() -> None:
    """K = 32, L = 4, after weights have moved as in training."""
    flow = Glow([1, 64, 64], 32, 4, partial(ConvNet, width=64), affine=False, levels=32)
    flow.train()(torch.rand(8, 1, 64, 64))
    perturb(flow, 0.01)
    flow.eval()
    x = torch.rand(2, 1, 64, 64)
    with torch.no_grad():
        error = float((flow.inverse(flow(x).z) - x).abs().max())
    print(f"float32 round trip of Glow K = 32, L = 4: {error:.1e}")
    assert error <= 1e-3


def test_mistakes() -> None:
    with pytest.raises(InputError, match="28×28 cannot be squeezed 3 times"):
        Glow([1, 28, 28], 1, 3)
    with pytest.raises(InputError, match="choose the logit"):
        TINY(alpha=0.05, marginal_bins=8)
