import pytest
import torch
from torch import Tensor, nn

from counterfactuals import Ascent, InputError, PixelChart, Polyak, ReachTypical, explain


class Identity(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x


def prepared(quantile: float = 0.5) -> ReachTypical:
    """Class 0 has margins of 1 to 9, class 1 of 10 to 90, class 2 one sample alone."""
    objective, steps = ReachTypical(quantile), torch.arange(1.0, 10.0)
    zero = torch.zeros(9)
    x = torch.cat(
        [
            torch.stack([steps, zero, zero - 5], 1),
            torch.stack([zero, 10 * steps, zero], 1),
            torch.tensor([[0.0, 0.0, 3.0], [torch.nan, 0.0, 0.0]]),
        ]
    )
    objective.prepare(Identity(), x)
    return objective


def test_the_margin_is_that_of_real_samples() -> None:
    logits, target = torch.tensor([[5.5, 0.0, 0.0], [0.0, 49.0, 0.0]]), torch.tensor([0, 1])
    for quantile, score in ((0.5, [0.5, -1.0]), (0.0, [4.5, 39.0]), (1.0, [-3.5, -41.0])):
        objective = prepared(quantile)
        assert objective.score(logits, target).tolist() == pytest.approx(score)
        assert objective.loss(logits, target).tolist() == pytest.approx([-s for s in score])
        assert objective.reached(objective.score(logits, target)).tolist() == [s > 0 for s in score]
    assert objective.margin(logits, target).tolist() == [5.5, 49.0], "what a control is matched to"


def test_what_it_has_not_seen() -> None:
    logits = torch.zeros(1, 3)
    with pytest.raises(InputError, match="has seen no real samples yet"):
        ReachTypical().loss(logits, torch.tensor([0]))
    with pytest.raises(InputError, match="needs 5 reference samples that the predictor takes for class 2"):
        prepared().loss(logits, torch.tensor([2]))
    with pytest.raises(InputError, match="quantile must lie in"):
        ReachTypical(1.5)


def test_a_search_ends_where_real_samples_are() -> None:
    torch.manual_seed(0)
    network = nn.Sequential(nn.Flatten(), nn.Linear(16, 3)).eval()
    real, x = torch.rand(400, 1, 4, 4), torch.rand(20, 1, 4, 4)
    objective = ReachTypical(0.9)
    objective.prepare(network, real)
    target = (network(x).argmax(1) + 1) % 3
    cf = explain(network, PixelChart([1, 4, 4]), x, target, Ascent(1.0, 500, optimizer=Polyak(2.0, 0.01)), objective)
    margin = objective.margin(network(cf.counterfactual), target)
    assert bool(cf.flipped.any())
    assert bool((margin[cf.flipped] > objective.typical(target)[cf.flipped]).all())
    assert float((margin - objective.typical(target))[cf.flipped].max()) < 0.1
