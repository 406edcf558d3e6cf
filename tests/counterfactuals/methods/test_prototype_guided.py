import pytest
import torch

from counterfactuals import InputError, PixelChart, PrototypeGuided, ReachClass, Status, explain
from counterfactuals.engine import Problem


@pytest.fixture
def blobs() -> tuple[torch.nn.Module, torch.Tensor]:
    """Two classes left and right of 0.5 in the first coordinate, and samples of both."""
    predictor = torch.nn.Linear(3, 2)
    with torch.no_grad():
        predictor.weight.copy_(torch.tensor([[-10.0, 0, 0], [10.0, 0, 0]]))
        predictor.bias.copy_(torch.tensor([5.0, -5.0]))
    x = 0.05 * torch.randn(80, 3) + torch.tensor([0.2, 0.5, 0.5])
    x[40:] += torch.tensor([0.6, 0.2, 0.0])
    return predictor, x


def test_it_ends_between_the_original_and_the_prototype(blobs) -> None:
    predictor, x = blobs
    chart = PixelChart([3])
    method = PrototypeGuided(theta=1.0, steps=200, step_size=0.05)
    method.prepare(Problem(predictor, chart, ReachClass(0.5)), x)
    cf = explain(predictor, chart, x[:10], 1, method, ReachClass(0.5))
    assert cf.flipped.all()
    assert ((cf.counterfactual[:, 0] > 0.5) & (cf.counterfactual[:, 0] < 0.85)).all()
    nearest = torch.cdist(x[:10], x[40:]).topk(5, largest=False).indices
    assert torch.allclose(method._prototypes(x[:10], torch.ones(10).long()), x[40:][nearest].mean(1), atol=1e-6)
    # The third coordinate is the same in both classes: the L1 norm leaves it alone, up to the prototype's pull.
    assert (cf.counterfactual - cf.x)[:, 2].abs().mean() < 0.1 * (cf.counterfactual - cf.x)[:, 0].abs().mean()


def test_fista_solves_the_lasso() -> None:
    """Without prediction and prototype, min β‖δ‖₁ + ‖δ − a‖₂² is soft thresholding at β/2."""
    chart, predictor = PixelChart([4]), torch.nn.Linear(4, 2)
    with torch.no_grad():
        predictor.weight.zero_()
        predictor.bias.copy_(torch.tensor([1.0, 0.0]))
    a = torch.tensor([[0.4, -0.3, 0.02, 0.0]])
    method = PrototypeGuided(theta=1.0, beta=0.1, steps=400, rounds=1, step_size=0.1, clip=(-9, 9))
    problem = Problem(predictor.requires_grad_(False), chart, ReachClass(0.9))
    method.encodings, method.classes = 2 * a, torch.tensor([1])  # ‖δ‖² + ‖δ − 2a‖² = 2‖δ − a‖² + a constant
    state, _ = method.start(problem, torch.zeros(1, 4), torch.tensor([1]))
    for _ in range(399):  # the last step would begin another round
        state, _ = method.step(problem, state)
    assert torch.allclose(state.delta, a.sign() * (a.abs() - 0.1 / 4).clamp(min=0), atol=1e-3)


@pytest.mark.parametrize("confidence", [0.5, 0.99])
def test_it_starts_where_the_target_has_no_probability(blobs, confidence: float) -> None:
    """1e-20 or less: f_κ of probabilities has no gradient there in float32; with κ = 0 nor has it between ½ and Λ."""
    predictor, x = blobs
    chart = PixelChart([3])
    with torch.no_grad():
        predictor.weight.mul_(10)
        predictor.bias.mul_(10)
        assert predictor(x[:10]).softmax(1)[:, 1].max() < 1e-15
    method = PrototypeGuided(theta=0.0, c=0.01, rounds=1, steps=60)
    method.prepare(Problem(predictor, chart, ReachClass(confidence)), x)
    cf = explain(predictor, chart, x[:10], 1, method, ReachClass(confidence))
    assert cf.flipped.all() and (cf.counterfactual[:, 0] < 0.75).all()


def test_alone_as_in_a_batch(blobs) -> None:
    predictor, x = blobs
    chart, method = PixelChart([3]), PrototypeGuided(theta=1.0, steps=40, rounds=2)
    method.prepare(Problem(predictor, chart, ReachClass(0.5)), x)
    batch = explain(predictor, chart, x, 1, method, ReachClass(0.5), slots=7)
    alone = explain(predictor, chart, x[3:4], 1, method, ReachClass(0.5))
    assert torch.allclose(batch.z_prime[3], alone.z_prime[0], atol=1e-5) and batch.status[3] == alone.status[0]


def test_without_prototypes_it_says_so(blobs) -> None:
    predictor, x = blobs
    chart, method = PixelChart([3]), PrototypeGuided()
    with pytest.raises(InputError, match="no reference samples"):
        explain(predictor, chart, x[:3], 1, method)
    method.prepare(Problem(predictor, chart, ReachClass()), x[:40])
    cf = explain(predictor, chart, x[:3], 1, method)
    assert (cf.status == Status.FAILED).all() and "gives the target class to none" in cf.reasons[0]


def test_reference_samples_that_networks_say_nan_of_are_no_prototypes(blobs) -> None:
    predictor, x = blobs
    chart, method, other = PixelChart([3]), PrototypeGuided(theta=1.0), PrototypeGuided(theta=1.0)
    method.prepare(Problem(predictor, chart, ReachClass(0.5)), torch.cat([x, torch.full((4, 3), torch.nan)]))
    other.prepare(Problem(predictor, chart, ReachClass(0.5)), x)
    ones = torch.ones(10).long()
    assert torch.equal(method._prototypes(x[:10], ones), other._prototypes(x[:10], ones))
    with pytest.raises(InputError, match="give NaN for all of 4 reference samples"):
        method.prepare(Problem(predictor, chart, ReachClass(0.5)), torch.full((4, 3), torch.nan))
