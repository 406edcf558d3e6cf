import pytest
import torch

from counterfactuals import InputError, ReachClass


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
