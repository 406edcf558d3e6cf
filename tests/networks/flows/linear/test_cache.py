import copy

import pytest
import torch
from FrEIA.modules import InvertibleModule
from torch.func import jacrev, vmap

from networks.flows import CircularConv, LUConv, PeriodicConv, SVDConv, WeightCache, forget


@pytest.fixture(params=[LUConv, SVDConv, PeriodicConv, CircularConv])
def layer(request: pytest.FixtureRequest) -> InvertibleModule:
    return request.param([(3, 4, 4)]).eval().requires_grad_(False)


def round_trip_error(layer: InvertibleModule) -> float:
    x = torch.randn(2, 3, 4, 4)
    return float((layer([layer([x])[0][0]], rev=True)[0][0] - x).abs().max())


def test_computed_once_while_the_weights_are_frozen() -> None:
    weight, calls = torch.ones(2), []
    cache = WeightCache()

    def compute() -> torch.Tensor:
        calls.append(1)
        return 2 * weight

    for _ in range(3):
        assert torch.equal(cache([weight], compute), 2 * weight)
    assert len(calls) == 1
    weight.mul_(2)
    assert torch.equal(cache([weight], compute), 2 * weight) and len(calls) == 2


def test_nothing_is_kept_while_weights_learn() -> None:
    weight = torch.ones(2, requires_grad=True)
    cache = WeightCache()
    for _ in range(2):
        cache([weight], lambda: 2 * weight).sum().backward()
    assert weight.grad is not None and weight.grad.tolist() == [4, 4]


def test_dropped_when_weights_change(layer: InvertibleModule) -> None:
    assert round_trip_error(layer) < 1e-4
    other = type(layer)([(3, 4, 4)])
    for p in other.parameters():
        p.data.add_(0.1 * torch.randn_like(p))
    layer.load_state_dict(other.state_dict())
    assert round_trip_error(layer) < 1e-4
    for p in layer.parameters():
        p.add_(0.1 * torch.randn_like(p))
    assert round_trip_error(layer) < 1e-4
    assert round_trip_error(copy.deepcopy(layer)) < 1e-4
    assert round_trip_error(layer.double().float()) < 1e-4


def test_writes_behind_autograds_back_need_forget(layer: InvertibleModule) -> None:
    round_trip_error(layer)
    for p in layer.parameters():
        p.data.add_(0.1 * torch.randn_like(p))
    forget(layer)
    assert round_trip_error(layer) < 1e-4


def test_what_a_transform_or_inference_mode_made_is_not_used_outside(layer: InvertibleModule) -> None:
    z = torch.randn(2, 3, 4, 4)
    inside = vmap(jacrev(lambda row: layer([row[None]], rev=True)[0][0].flatten()))(z)
    with torch.inference_mode():
        layer([z], rev=True)
    z.requires_grad_()
    (x,), _ = layer([z], rev=True)
    (gradient,) = torch.autograd.grad(x[:, 0, 0, 0].sum(), z)
    assert torch.allclose(gradient, inside[:, 0].view_as(z), atol=1e-5)
