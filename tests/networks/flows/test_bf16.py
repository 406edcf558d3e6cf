"""Flows under bf16-mixed: what autocast costs, and what it must not."""

import copy
from collections.abc import Iterator
from functools import partial

import pytest
import torch

from networks import CircularConv, ConvNet, Glow, LUConv, PeriodicConv, SVDConv
from networks.autoencoders.vae import reflect_each
from networks.flows import BoundedLinear, Chain, Orthogonal, SVDLinear
from networks.precision import no_tf32
from tests.networks.flows.identities import perturb
from tests.support.runs import needs_gpu

MIXING = [LUConv, SVDConv, PeriodicConv, CircularConv]


@pytest.fixture(params=["cpu", pytest.param("cuda", marks=needs_gpu)])
def device(request: pytest.FixtureRequest) -> Iterator[str]:
    with no_tf32():
        yield request.param


def bf16(x: torch.Tensor, enabled: bool = True) -> torch.autocast:
    return torch.autocast(x.device.type, torch.bfloat16, enabled)


def glow(device: str, mixing, affine: bool) -> tuple[Glow, torch.Tensor]:
    """Eight steps a scale, couplings that do something, ActNorm set."""
    flow = Glow([1, 16, 16], 8, 2, partial(ConvNet, width=16), mixing, affine).to(device).train()
    x = torch.rand(8, 1, 16, 16, device=device)
    with torch.no_grad():
        flow(x)
    perturb(flow, 0.02)
    return flow, x


def gradient(flow: Glow, x: torch.Tensor, recompute: bool, rough: bool) -> torch.Tensor:
    for part in flow.modules():
        if isinstance(part, Chain) and part is not flow.layers:
            part.recompute = recompute
    flow.zero_grad()
    with bf16(x, rough):
        loss = -flow.log_prob(x).mean()
    loss.backward()
    return torch.cat([p.grad.flatten() for p in flow.parameters() if p.grad is not None])


@pytest.mark.parametrize("affine", [False, True], ids=["additive", "affine"])
@pytest.mark.parametrize("mixing", MIXING)
def test_gradients_cost_what_bf16_costs(device: str, mixing, affine: bool) -> None:
    """Outside of autocast other activations are rebuilt: affine couplings were off by 1.3, and additive ones failed."""
    flow, x = glow(device, mixing, affine)
    exact = gradient(flow, x, recompute=False, rough=False)
    error = {r: float((gradient(flow, x, r, rough=True) - exact).norm() / exact.norm()) for r in (False, True)}
    rebuilt = float((gradient(flow, x, recompute=True, rough=False) - exact).norm() / exact.norm())
    assert rebuilt < 1e-3 and error[False] < 0.05
    assert error[True] < 2 * error[False] + 0.01, error


@pytest.mark.parametrize("affine", [False, True], ids=["additive", "affine"])
@pytest.mark.parametrize("mixing", MIXING)
def test_a_validation_leaves_nothing_behind(device: str, mixing, affine: bool) -> None:
    """What evaluation keeps of the weights is used in float32 afterwards."""
    flow, x = glow(device, mixing, affine)
    flow.eval().requires_grad_(False)
    with bf16(x), torch.inference_mode():
        flow.inverse(flow.encode(x))
    fresh = copy.deepcopy(flow)  # without its caches
    assert torch.equal(flow.encode(x), fresh.encode(x))
    z = fresh.encode(x)
    assert torch.equal(flow.inverse(z), fresh.inverse(z)) and (flow.inverse(z) - x).abs().max() < 1e-3


@pytest.mark.parametrize("mixing", MIXING)
def test_mixing_layers_do_not_round(device: str, mixing) -> None:
    layer = mixing([(3, 4, 4)]).to(device).eval()
    x = torch.randn(2, 3, 4, 4, device=device)
    with bf16(x), torch.no_grad():
        (z,), log_det = layer([x])
        (back,), _ = layer([z], rev=True)
    assert z.dtype == log_det.dtype == torch.float32 and torch.allclose(back, x, atol=1e-5)
    assert torch.equal(z, layer([x])[0][0])


def test_orthogonal_is_orthogonal(device: str) -> None:
    """Half precision knows no triangular solve, and a product of reflections in it is orthogonal to two digits."""
    q, x = Orthogonal(12).to(device), torch.randn(5, 12, device=device)
    linear = SVDLinear([(12,)]).to(device)
    with bf16(x), torch.no_grad():
        assert torch.allclose(q(q(x), transpose=True), x, atol=1e-5)
        assert q(x.bfloat16()).dtype == torch.float32
        assert torch.allclose(linear([linear([x])[0][0]], rev=True)[0][0], x, atol=1e-5)
        assert BoundedLinear(12, 7).to(device)(x.bfloat16()).shape == (5, 7)
        v = torch.randn(5, 3, 12, device=device).bfloat16()
        assert torch.allclose(reflect_each(v, x).norm(dim=1), x.norm(dim=1), atol=1e-5)
