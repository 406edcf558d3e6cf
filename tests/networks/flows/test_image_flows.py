"""RealNVP and Glow: identities, conditions, sizes."""

from collections.abc import Callable
from functools import partial

import pytest
import torch

from networks import CircularConv, ConvNet, Glow, InputError, LUConv, PeriodicConv, Permute, RealNVP, ResNet, SVDConv
from networks.flows import Flow
from tests.networks.flows.identities import check_flow, perturb

TINY = partial(Glow, [1, 8, 8], num_steps=2, num_scales=2, subnet=partial(ConvNet, width=8))
FLOWS: dict[str, Callable[[], Flow]] = {
    "glow-additive": partial(TINY, affine=False),
    "glow-colour-odd": partial(Glow, [3, 4, 6], 2, 1, partial(ConvNet, width=8)),
    "glow-logit": partial(TINY, alpha=0.05),
    "glow-marginals": partial(TINY, marginal_bins=8),
    "glow-resnet": partial(Glow, [1, 8, 8], 1, 2, partial(ResNet, width=8, num_blocks=1, groups=2)),
    **{f"glow-{m.__name__}": partial(TINY, mixing=m) for m in (LUConv, SVDConv, CircularConv, Permute)},
    "glow-PeriodicConv": partial(TINY, num_scales=1, mixing=PeriodicConv),
    "realnvp": partial(RealNVP, [1, 8, 8], 4, 1),
    "realnvp-marginals": partial(RealNVP, [1, 8, 8], 4, 1, alpha=None, marginal_bins=8),
    "realnvp-one-scale": partial(RealNVP, [1, 5, 5], 4, 1, num_scales=1),
    "realnvp-additive-colour": partial(RealNVP, [3, 8, 8], 4, 1, 3, affine=False),
}


@pytest.mark.parametrize("name", FLOWS)
def test_identities(name: str) -> None:
    """At its start, and away from it."""
    flow = FLOWS[name]().double()
    x = torch.rand(3, *flow.shape, dtype=torch.float64)
    flow.train()(x)
    perturb(flow, 0.03)
    check_flow(flow.eval(), x)


@pytest.mark.parametrize("make", [partial(TINY, num_conditions=3), partial(RealNVP, [1, 8, 8], 4, 1, num_conditions=3)])
def test_conditional_flows(make: Callable[[], Flow]) -> None:
    flow = make().double()
    x, y = torch.rand(4, 1, 8, 8, dtype=torch.float64), torch.tensor([0, 1, 2, 2])
    flow.train()(x, y)
    perturb(flow, 0.03)
    flow.eval()
    z, log_det = flow(x, y)
    assert (flow.inverse(z, y) - x).abs().max() < 1e-10
    assert torch.allclose(flow(x, torch.eye(3)[y]).z, z)  # as attribute vectors
    assert not torch.allclose(flow(x, (y + 1) % 3).log_det, log_det)
    with pytest.raises(InputError, match="needs a condition"):
        flow(x)
    with pytest.raises(InputError, match="classes 0 to 3; this flow knows 0 to 2"):
        flow(x, y + torch.tensor([0, 0, 1, 0]))
    with pytest.raises(InputError, match=r"shape \(4, 2\); this flow needs"):
        flow(x, torch.rand(4, 2))
    with pytest.raises(InputError, match="takes no condition"):
        FLOWS["realnvp"]()(torch.rand(2, 1, 8, 8), y[:2])


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


def test_the_papers_sizes() -> None:
    """RealNVP of Dombrowski et al.: 8.59 M parameters, 0.55 M of them in skip connections that ours has not."""

    def millions(flow: Flow) -> float:
        return sum(p.numel() for p in flow.parameters()) / 1e6

    with torch.device("meta"):
        realnvp = RealNVP([1, 28, 28])
    assert millions(realnvp) == pytest.approx(8.59 - 0.55, rel=0.02)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Glow([1, 28, 28], 1, 3), "28×28 cannot be squeezed 3 times: both sides must be multiples of 8"),
        (lambda: Glow([784]), r"needs shape \[C, H, W\]; got \[784\]"),
        (lambda: RealNVP([1, 27, 28]), "27×28 cannot be squeezed 1 times"),
        (lambda: TINY(alpha=0.05, marginal_bins=8), "choose the logit"),
    ],
)
def test_mistakes(make: Callable[[], Flow], message: str) -> None:
    with pytest.raises(InputError, match=message):
        make()


def test_interpolation_ends_at_its_ends() -> None:
    flow = FLOWS["glow-logit"]()
    perturb(flow, 0.03)
    x, other = torch.rand(2, 3, 1, 8, 8)
    way = flow.interpolate(x, other, 4)
    assert way.shape == (4, 3, 1, 8, 8)
    assert torch.allclose(way[0], x, atol=1e-4) and torch.allclose(way[-1], other, atol=1e-4)


def test_flat_latents_put_what_leaves_first_first() -> None:
    """Half of the first scale's channels are the first half of z."""
    flow = TINY(mixing=Permute)
    z = torch.zeros(1, 64)
    z[:, :32] = 1
    changed = (flow.inverse(z) != flow.inverse(torch.zeros(1, 64))).float().mean()
    assert changed == 0.5
