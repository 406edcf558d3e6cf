import math

import pytest
import torch
from torch import nn

from networks import DCDiscriminator, InputError, NonSaturating, Wasserstein
from networks.gans.losses import squared_slope


def linear(weight: float) -> nn.Module:
    network = nn.Sequential(nn.Flatten(), nn.Linear(4, 1), nn.Flatten(0))
    network[1].weight.data.fill_(weight)
    return network


def test_undecided_is_log_two() -> None:
    loss, zero = NonSaturating(), torch.zeros(3)
    assert math.isclose(float(loss.discriminator(zero, zero)), 2 * math.log(2), rel_tol=1e-6)
    assert math.isclose(float(loss.generator(zero)), math.log(2), rel_tol=1e-6)
    assert float(loss.discriminator(zero + 9, zero - 9)) < 1e-3 < float(loss.generator(zero - 9))


def test_r1_is_the_squared_gradient_by_hand_and_comes_every_so_often() -> None:
    loss, x = NonSaturating(gamma=3.0, every=4), torch.rand(5, 1, 2, 2)
    penalty = loss.penalty(linear(0.5), x, x, None, 8)
    assert penalty is not None and math.isclose(float(penalty), 4 * 3.0 / 2 * 4 * 0.25, rel_tol=1e-6)
    assert loss.penalty(linear(0.5), x, x, None, 9) is None
    assert NonSaturating(gamma=0.0).penalty(linear(0.5), x, x, None, 0) is None


def test_r1_against_differences_and_its_gradient_in_the_weights() -> None:
    torch.manual_seed(0)
    network, x = DCDiscriminator([1, 8, 8], [4]).double(), torch.rand(2, 1, 8, 8).double()
    with torch.no_grad():
        step = 1e-5 * torch.eye(64).double().view(64, 1, 8, 8)
        slope = torch.stack([(network(image + step) - network(image - step)) / 2e-5 for image in x])
    logits = network(x.requires_grad_())
    (exact,) = torch.autograd.grad(logits.sum(), x, create_graph=True)
    assert torch.allclose(exact.square().flatten(1).sum(1), slope.square().sum(1), rtol=1e-4)
    float32 = DCDiscriminator([1, 8, 8], [4])
    squared_slope(float32, torch.rand(2, 1, 8, 8), None).sum().backward()
    assert bool(float32.layers[0][0].weight.grad.any())


def test_wasserstein_is_content_with_slopes_of_one() -> None:
    loss, x = Wasserstein(weight=10.0, drift=0.0), torch.rand(5, 1, 2, 2)
    assert float(loss.penalty(linear(0.5), x, 1 - x, None, 3)) < 1e-6  # ‖(½, ½, ½, ½)‖ = 1
    assert math.isclose(float(loss.penalty(linear(1.0), x, 1 - x, None, 3)), 10.0, rel_tol=1e-5)
    assert float(loss.discriminator(torch.ones(2), -torch.ones(2))) == -2 and float(loss.generator(torch.ones(2))) == -1


def test_numbers_out_of_range() -> None:
    with pytest.raises(InputError, match="gamma must not be negative"):
        NonSaturating(gamma=-1.0)
    with pytest.raises(InputError, match="every must be positive"):
        NonSaturating(every=0)
