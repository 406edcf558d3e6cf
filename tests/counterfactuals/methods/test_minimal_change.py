import math

import pytest
import torch
from torch import nn

from counterfactuals import InputError, LatentL2, MinimalChange, PixelChart, PixelL2, ReachClass, Status, explain


def linear() -> nn.Linear:
    """Two classes in four dimensions: margin w·x + b."""
    predictor = nn.Linear(4, 2)
    with torch.no_grad():
        predictor.weight.copy_(torch.tensor([[0.0, 0, 0, 0], [1.0, -2.0, 0.5, 0.0]]))
        predictor.bias.copy_(torch.tensor([0.3, -0.4]))
    return predictor


def test_the_closed_form_of_a_linear_model() -> None:
    """d = ½‖x − x₀‖²: the smallest change is along w, its length (logit Λ − margin) / ‖w‖, and there
    λ ‖x − x₀‖ = (1 − Λ) ‖w‖."""
    predictor, w = linear(), torch.tensor([1.0, -2.0, 0.5, 0.0])
    x = torch.randn(6, 4)
    x -= (x @ w + 2 + torch.rand(6))[:, None] * w / (w @ w)  # margins of −2.7 to −3.7
    method = MinimalChange(PixelL2(), (1e-4, 1e2), rounds=14, steps=150, step_size=0.1, clip=None)
    cf = explain(predictor, PixelChart([4]), x, 1, method, ReachClass(0.9))
    assert cf.flipped.all()
    length = (math.log(9) - (x @ w - 0.7)) / w.norm()
    moved = cf.counterfactual - x
    assert torch.allclose(moved.norm(dim=1), length, rtol=0.01)
    assert torch.allclose(moved, length[:, None] * w / w.norm(), atol=0.02 * float(length.max()))


def test_the_weight_it_ends_with() -> None:
    from counterfactuals.engine import Problem

    predictor, w = linear().requires_grad_(False), torch.tensor([1.0, -2.0, 0.5, 0.0])
    x = torch.zeros(1, 4) - 0.5 * w[None]
    method = MinimalChange(LatentL2(), (1e-4, 1e2), rounds=14, steps=150, step_size=0.1, clip=None)
    problem = Problem(predictor, PixelChart([4]), ReachClass(0.9))
    state, done = method.start(problem, x, torch.tensor([1]))
    while not done.all():
        state, done = method.step(problem, state)
    length = (math.log(9) - float((x @ w).squeeze() - 0.7)) / float(w.norm())
    expected = 0.1 * float(w.norm()) / length
    assert float(state.low.exp()) == pytest.approx(expected, rel=0.01)


def test_out_of_reach_is_a_timeout() -> None:
    x = torch.tensor([[-5.0, 5.0, 0.0, 0.0]] * 2)
    cf = explain(linear(), PixelChart([4]), x, 1, MinimalChange(rounds=1, steps=3, clip=None))
    assert (cf.status == Status.TIMEOUT).all() and (cf.steps == 2).all()


def test_mistakes_are_listed_together() -> None:
    with pytest.raises(InputError, match=r"(?s)rounds must be positive; got 0.*0 < smallest < largest; got \(1, 0.1\)"):
        MinimalChange(rounds=0, weights=(1, 0.1))
