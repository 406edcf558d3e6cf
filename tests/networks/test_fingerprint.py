"""Whatever a network's answers depend on changes its fingerprint, and nothing else does."""

from collections.abc import Callable
from copy import deepcopy
from functools import partial

import numpy as np
import pytest
import torch
from torch import nn

from counterfactuals import FlowChart
from counterfactuals.charts.hierarchical import HierarchicalChart
from networks import (
    CNN,
    MLP,
    RK4,
    Adapter,
    Adaptive,
    ContinuousFlow,
    HierarchicalVAE,
    Midpoint,
    RealNVP,
    VectorRealNVP,
    VelocityUNet,
)
from networks.fingerprint import fingerprint
from networks.weights import weights_hash

VELOCITY = VelocityUNet([1, 4, 4], [8, 16])
VAEX = HierarchicalVAE([1, 9, 9], 2, [4, 8], [2, 2])


def continuous(**settings) -> nn.Module:
    return FlowChart(ContinuousFlow(VELOCITY, **{"num_probes": 1} | settings))


def logit(alpha: float) -> nn.Module:
    torch.manual_seed(0)
    return RealNVP([1, 4, 4], 4, 1, levels=17, alpha=alpha)


def vector(clamp: float) -> nn.Module:
    torch.manual_seed(0)
    return VectorRealNVP([3], 1, [4], clamp=clamp)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (continuous(), continuous(num_probes=0)),
        (continuous(), continuous(solver=RK4())),
        (continuous(solver=Adaptive(1e-5)), continuous(solver=Adaptive(1e-4))),
        (continuous(), continuous(mean=0.4)),
        (continuous(), continuous(std=0.25)),
        (continuous(), continuous(levels=None)),
        (logit(0.05), logit(0.2)),
        (vector(2.0), vector(1.0)),
        (HierarchicalChart(VAEX), HierarchicalChart(VAEX, levels=1)),
        (Adapter(VELOCITY, mean=[0.1]), Adapter(VELOCITY, mean=[0.2])),
        (nn.Sequential(VELOCITY, nn.ReLU()), nn.Sequential(VELOCITY, nn.GELU())),
        (nn.LeakyReLU(0.1), nn.LeakyReLU(0.2)),
    ],
)
def test_settings_that_are_no_weights(one: nn.Module, other: nn.Module) -> None:
    assert weights_hash(one) == weights_hash(other), "by their state they are the same"
    assert fingerprint(one) != fingerprint(other)
    assert fingerprint(one) == fingerprint(deepcopy(one))


def test_a_chart_that_asks_a_predictor_depends_on_it() -> None:
    torch.manual_seed(0)
    one, other = HierarchicalChart(VAEX), HierarchicalChart(VAEX)
    one.explaining(MLP([1, 9, 9], 2))
    other.explaining(MLP([1, 9, 9], 2))
    assert weights_hash(one) == weights_hash(other) and fingerprint(one) != fingerprint(other)


def test_weights_and_places_count_and_use_does_not() -> None:
    flow = logit(0.05)
    before, x = fingerprint(flow), torch.rand(2, 1, 4, 4)
    flow.inverse(flow.eval().encode(x))  # keeps what follows from the weights
    for p in flow.parameters():
        p.requires_grad_(False)
    assert fingerprint(flow) == before == fingerprint(deepcopy(flow).train())
    next(flow.parameters()).add_(1)
    assert fingerprint(flow) != before
    cnn = CNN([1, 8, 8], 2, widths=[4])
    assert fingerprint(cnn) != fingerprint(deepcopy(cnn).to(torch.bfloat16))


def scaled(by: float) -> Callable[[float], float]:
    return lambda x: x * by


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (("ab", "c"), ("a", "bc")),
        (torch.zeros(2, 3), torch.zeros(3, 2)),
        (torch.arange(3), torch.arange(4)),
        (np.zeros(2), np.zeros(2, np.float32)),
        (scaled(1.0), scaled(2.0)),
        (partial(int, base=2), partial(int, base=3)),
        (torch.nn.functional.gelu, torch.nn.functional.relu),
        ({"a": 1}, {"a": 2}),
        (Midpoint(), RK4()),
    ],
)
def test_values(one: object, other: object) -> None:
    assert fingerprint(one) != fingerprint(other) and fingerprint(one) == fingerprint(one)


def test_in_any_order_of_names_and_in_any_process_it_is_the_same() -> None:
    linear = nn.Linear(2, 1)
    nn.init.ones_(linear.weight)
    nn.init.zeros_(linear.bias)
    values = [linear, Adaptive(1e-5, 1e-6), {"b": {"x", "y", "z"}, "a": (1, None)}, torch.device("cpu")]
    assert fingerprint(*values) == "ba7709ed828436f9"
    assert fingerprint({"a": 1, "b": 2}) == fingerprint({"b": 2, "a": 1})


def test_objects_that_hold_each_other_end() -> None:
    one, other = nn.Identity(), nn.Identity()
    one.next, other.back = [other], [one]
    assert fingerprint(one) == fingerprint(one) != fingerprint(other)


def test_strides_do_not_count() -> None:
    one = torch.ones(1).expand(1, 1, 1)  # of stride 0, as buffers of other libraries are
    assert fingerprint([one]) == fingerprint([torch.ones(1, 1, 1)])
    assert fingerprint([torch.ones(1).expand(3)]) == fingerprint([torch.ones(3)])
    assert fingerprint([torch.tensor(2.0)]) != fingerprint([torch.tensor(3.0)])
