import torch

from counterfactuals import LatentL2, ReachClass
from counterfactuals.engine import Problem
from counterfactuals.methods.evaluation import evaluate
from counterfactuals.methods.state import begin


def test_against_the_closed_form(linear_chart, linear_predictor) -> None:
    """x = A z + b and logits W x + c: ∂(−log p_t + λ ½‖z − z₀‖²)/∂z = Aᵀ Wᵀ (p − e_t) + λ (z − z₀)."""
    chart, predictor = linear_chart.double(), linear_predictor.double()
    x, target = torch.randn(5, 6, dtype=torch.float64), torch.tensor([0, 1, 2, 0, 1])
    problem = Problem(predictor, chart, ReachClass(0.9))
    state, _ = begin(problem, x, target, None)
    moved = state._replace(z=state.z0 + torch.randn_like(state.z0))
    weight = torch.rand(5, dtype=torch.float64)
    here = evaluate(problem, moved, None, distance=LatentL2(), weight=weight)
    p = predictor(chart.decode(moved.z)).softmax(1)
    expected = (p - torch.nn.functional.one_hot(target, 3)) @ predictor.weight @ chart.a
    expected = expected + weight[:, None] * (moved.z - moved.z0)
    assert torch.allclose(here.grad, expected, atol=1e-12)
    p_t = p[torch.arange(5), target]
    assert torch.allclose(here.score, p_t) and torch.equal(here.hit, p_t > 0.9)
    assert torch.allclose(here.excess, -p_t.log() + torch.log(torch.tensor(0.9)), atol=1e-6)
    assert torch.allclose(here.distance, 0.5 * (moved.z - moved.z0).square().sum(1))
    assert not here.fault.any() and not here.x.requires_grad
    assert all(p.grad is None for p in (*chart.parameters(), *predictor.parameters()))
