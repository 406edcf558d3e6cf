"""Flows under bf16-mixed: what autocast costs, and what it must not."""

import copy
from functools import partial

import pytest
import torch

from networks import CircularConv, ConvNet, Glow, LUConv, PeriodicConv, SVDConv
from networks.autoencoders.vae import reflect_each
from networks.flows import BoundedLinear, Chain, Orthogonal, SVDLinear
from tests.networks.flows.identities import perturb

MIXING = [LUConv, SVDConv, PeriodicConv, CircularConv]
BF16 = partial(torch.autocast, "cpu", torch.bfloat16)


def glow(mixing, affine: bool) -> tuple[Glow, torch.Tensor]:
    """Eight steps a scale, couplings that do something, ActNorm set."""
    flow = Glow([1, 16, 16], 8, 2, partial(ConvNet, width=16), mixing, affine).train()
    x = torch.rand(8, 1, 16, 16)
    with torch.no_grad():
        flow(x)
    perturb(flow, 0.02)
    return flow, x


def gradient(flow: Glow, x: torch.Tensor, recompute: bool, bf16: bool) -> torch.Tensor:
    for part in flow.modules():
        if isinstance(part, Chain) and part is not flow.layers:
            part.recompute = recompute
    flow.zero_grad()
    with BF16(enabled=bf16):
        loss = -flow.log_prob(x).mean()
    loss.backward()
    return torch.cat([p.grad.flatten() for p in flow.parameters() if p.grad is not None])


@pytest.mark.parametrize("affine", [False, True], ids=["additive", "affine"])
@pytest.mark.parametrize("mixing", MIXING)
def test_gradients_cost_what_bf16_costs(mixing, affine: bool) -> None:
    """Outside of autocast other activations are rebuilt: affine couplings were off by 1.3, and additive ones failed."""
    flow, x = glow(mixing, affine)
    exact = gradient(flow, x, recompute=False, bf16=False)
    error = {r: float((gradient(flow, x, r, bf16=True) - exact).norm() / exact.norm()) for r in (False, True)}
    rebuilt = float((gradient(flow, x, recompute=True, bf16=False) - exact).norm() / exact.norm())
    assert rebuilt < 1e-3 and error[False] < 0.05
    assert error[True] < 2 * error[False] + 0.01, error


@pytest.mark.parametrize("affine", [False, True], ids=["additive", "affine"])
@pytest.mark.parametrize("mixing", MIXING)
def test_a_validation_leaves_nothing_behind(mixing, affine: bool) -> None:
    """What evaluation keeps of the weights is used in float32 afterwards."""
    flow, x = glow(mixing, affine)
    flow.eval().requires_grad_(False)
    with BF16(), torch.inference_mode():
        flow.inverse(flow.encode(x))
    fresh = copy.deepcopy(flow)  # without its caches
    assert torch.equal(flow.encode(x), fresh.encode(x))
    z = fresh.encode(x)
    assert torch.equal(flow.inverse(z), fresh.inverse(z)) and (flow.inverse(z) - x).abs().max() < 1e-3


@pytest.mark.parametrize("mixing", MIXING)
def test_mixing_layers_do_not_round(mixing) -> None:
    layer = mixing([(3, 4, 4)]).eval()
    x = torch.randn(2, 3, 4, 4)
    with BF16(), torch.no_grad():
        (z,), log_det = layer([x])
        (back,), _ = layer([z], rev=True)
    assert z.dtype == log_det.dtype == torch.float32 and torch.allclose(back, x, atol=1e-5)
    assert torch.equal(z, layer([x])[0][0])


def test_orthogonal_is_orthogonal() -> None:
    """Half precision knows no triangular solve, and a product of reflections in it is orthogonal to two digits."""
    q, x = Orthogonal(12), torch.randn(5, 12)
    linear = SVDLinear([(12,)])
    with BF16(), torch.no_grad():
        assert torch.allclose(q(q(x), transpose=True), x, atol=1e-5)
        assert q(x.bfloat16()).dtype == torch.float32
        assert torch.allclose(linear([linear([x])[0][0]], rev=True)[0][0], x, atol=1e-5)
        assert BoundedLinear(12, 7)(x.bfloat16()).shape == (5, 7)
        v = torch.randn(5, 3, 12).bfloat16()
        assert torch.allclose(reflect_each(v, x).norm(dim=1), x.norm(dim=1), atol=1e-5)
