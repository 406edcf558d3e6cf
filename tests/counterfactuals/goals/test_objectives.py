import pytest
import torch

from counterfactuals import InputError, ReachClass, ReachMargin


def test_score_is_the_probability_and_loss_its_log() -> None:
    logits, target = torch.randn(5, 3), torch.tensor([0, 1, 2, 0, 1])
    objective = ReachClass(0.9)
    p = logits.softmax(1)[torch.arange(5), target]
    assert torch.allclose(objective.score(logits, target), p)
    assert torch.allclose(objective.loss(logits, target), -p.log())
    assert objective.reached(torch.tensor([0.9, 0.91])).tolist() == [False, True]


def test_the_loss_has_a_gradient_where_the_probability_is_zero() -> None:
    logits = torch.tensor([[200.0, 0.0]], requires_grad=True)
    ReachClass().loss(logits, torch.tensor([1])).sum().backward()
    assert logits.grad is not None and logits.grad[0, 1] == pytest.approx(-1.0)


@pytest.mark.parametrize("confidence", [0.2, 1.0, 99])
def test_refuses_an_impossible_confidence(confidence: float) -> None:
    with pytest.raises(InputError, match=f"got {confidence}"):
        ReachClass(confidence)


def test_margin() -> None:
    logits, target = torch.tensor([[3.0, 1.0, 2.5], [0.0, 5.0, -1.0]], requires_grad=True), torch.tensor([0, 2])
    objective = ReachMargin(0.4)
    assert torch.allclose(objective.score(logits, target), torch.tensor([0.5, -6.0]))
    assert objective.reached(objective.score(logits, target)).tolist() == [True, False]
    (grad,) = torch.autograd.grad(objective.loss(logits, target).sum(), logits)
    assert grad.tolist() == [[-1, 0, 1], [0, 1, -1]]
    with pytest.raises(InputError, match="must not be negative; got -1"):
        ReachMargin(-1)


@pytest.mark.parametrize("objective", [ReachClass(0.9), ReachMargin(2.0)])
def test_the_goal_is_the_loss_where_it_is_reached(objective) -> None:
    """For two classes; what ``Polyak`` steps towards."""
    margin = torch.linspace(-1, 5, 601)
    logits, target = torch.stack([torch.zeros(601), margin], 1), torch.ones(601).long()
    reached = objective.reached(objective.score(logits, target))
    assert torch.equal(reached, objective.loss(logits, target) < objective.goal)
