from collections.abc import Callable
from functools import partial

import pytest
import torch

from networks import InputError, RealNVP
from networks.flows import Flow
from tests.networks.flows.identities import check_conditional_flow, check_trained_flow

TINY = partial(RealNVP, [1, 8, 8], 4, 1)
FLOWS: dict[str, Callable[[], Flow]] = {
    "two-scales": TINY,
    "marginals": partial(TINY, alpha=None, marginal_bins=8),
    "one-scale": partial(RealNVP, [1, 5, 5], 4, 1, num_scales=1),
    "additive-colour": partial(RealNVP, [3, 8, 8], 4, 1, 3, affine=False),
}


@pytest.mark.parametrize("name", FLOWS)
def test_identities(name: str) -> None:
    """At its start, and away from it."""
    check_trained_flow(FLOWS[name]())


def test_conditional() -> None:
    check_conditional_flow(TINY(num_conditions=3))


def test_the_papers_sizes() -> None:
    """RealNVP of Dombrowski et al.: 8.59 M parameters, 0.55 M of them in skip connections that ours has not."""

    def millions(flow: Flow) -> float:
        return sum(p.numel() for p in flow.parameters()) / 1e6

    with torch.device("meta"):
        realnvp = RealNVP([1, 28, 28])
    assert millions(realnvp) == pytest.approx(8.59 - 0.55, rel=0.02)


def test_mistakes() -> None:
    with pytest.raises(InputError, match="27×28 cannot be squeezed 1 times"):
        RealNVP([1, 27, 28])
