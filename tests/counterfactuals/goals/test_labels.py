"""Labels that do not exclude each other."""

import math

import pytest
import torch
from torch import nn

from counterfactuals import Ascent, FixedTarget, InputError, PixelChart, ReachLabel, Status, explain
from networks import Adapter

LOGITS = torch.tensor([[3.0, -2.0, 0.5], [-1.0, -4.0, -0.5]])


def test_loss_and_score_are_those_of_one_label() -> None:
    objective, target = ReachLabel(0.9), torch.tensor([1, 2])
    p = LOGITS.sigmoid()[[0, 1], target]
    assert torch.allclose(objective.score(LOGITS, target), p)
    assert torch.allclose(objective.loss(LOGITS, target), -p.log())
    assert objective.goal == pytest.approx(-math.log(0.9))
    assert objective.already_reached(LOGITS, torch.tensor([0, 0])).tolist() == [True, False]
    assert not objective.reached(objective.score(LOGITS + 2, target)).any()


def test_held_labels_cost_where_they_change_alone() -> None:
    objective, target = ReachLabel(0.9, hold_others=True), torch.tensor([1, 2])
    aim = objective.aim(target, LOGITS)
    assert aim.tolist() == [[1, 1, 0, 1], [2, -1, -1, 0]]
    now = torch.tensor([[2.0, 4.0, 1.0], [0.5, -1.0, 4.0]])  # in the second row label 0 has come on
    assert objective.score(now, aim).tolist() == pytest.approx([1 / (1 + math.exp(-4)), 1 / (1 + math.exp(0.5))])
    assert objective.reached(objective.score(now, aim)).tolist() == [True, False]
    loss = nn.functional.softplus(torch.tensor([-4.0, -4.0])) + torch.tensor([0.0, 0.5])
    assert torch.allclose(objective.loss(now, aim), loss)


def linear() -> Adapter:
    """Two labels that pixels 0 and 1 switch on; label 1 also follows pixel 0."""
    net = nn.Sequential(nn.Flatten(), nn.Linear(4, 2))
    with torch.no_grad():
        net[1].weight.copy_(torch.tensor([[20.0, 0, 0, 0], [12.0, 20.0, 0, 0]]))
        net[1].bias.copy_(torch.tensor([-10.0, -10.0]))
    return Adapter(net, outputs="multi-label")


def test_a_label_comes_on_and_the_others_stay_where_they_are_held() -> None:
    x = torch.full((5, 1, 2, 2), 0.3)
    method = Ascent(step_size=0.02, max_steps=300)
    free, held = (
        explain(linear(), PixelChart((1, 2, 2)), x, FixedTarget(0), method, ReachLabel(0.9, hold_others=hold))
        for hold in (False, True)
    )
    both = linear()(free.counterfactual), linear()(held.counterfactual)
    assert free.flipped.all() and held.flipped.all() and (both[0][:, 0].sigmoid() > 0.9).all()
    assert (both[0][:, 1] > 0).all(), "label 1 comes on with it"
    assert (both[1][:, 0].sigmoid() > 0.9).all() and (both[1][:, 1] <= 0).all()
    assert torch.allclose(held.confidence, both[1][:, 0].sigmoid(), atol=1e-5)
    assert held.target.tolist() == [0] * 5, "what is held is no part of the result"


def test_what_a_softmax_would_call_certain_is_not_reached() -> None:
    """All labels off, by far: the largest is no label that is on."""
    net = nn.Sequential(nn.Flatten(), nn.Linear(4, 2))
    with torch.no_grad():
        net[1].bias.fill_(-30)
    cf = explain(
        Adapter(net, outputs="multi-label"), PixelChart((1, 2, 2)), torch.rand(3, 1, 2, 2), 1, Ascent(max_steps=5)
    )
    assert (cf.status == Status.TIMEOUT).all() and (cf.confidence < 1e-10).all()


def test_confidence_is_checked() -> None:
    with pytest.raises(InputError, match=r"confidence Λ must be in \[0.5, 1\)"):
        ReachLabel(1.0)
