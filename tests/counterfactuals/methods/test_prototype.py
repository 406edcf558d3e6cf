import pytest
import torch

from counterfactuals import FixedTarget, InputError, OwnClass, PixelChart, Prototype, ReachClass, Status, explain
from counterfactuals.engine import Problem


@pytest.fixture
def blobs() -> tuple[torch.nn.Module, torch.Tensor]:
    """Two of three classes left and right of 0.5 in the first coordinate, and 40 samples of each."""
    predictor = torch.nn.Linear(3, 3)
    with torch.no_grad():
        predictor.weight.copy_(torch.tensor([[-40.0, 0, 0], [40.0, 0, 0], [0.0, 0, 0]]))
        predictor.bias.copy_(torch.tensor([20.0, -20.0, -50.0]))
    torch.manual_seed(0)
    x = 0.05 * torch.randn(80, 3) + torch.tensor([0.2, 0.5, 0.5])
    x[40:] += torch.tensor([0.6, 0.2, 0.0])
    return predictor.requires_grad_(False), x


def prepared(blobs, **settings) -> Prototype:
    method = Prototype(**settings)
    method.prepare(Problem(blobs[0], PixelChart([3]), ReachClass()), blobs[1])
    return method


@pytest.mark.parametrize("share", [0.25, 1.0])
def test_it_goes_its_share_of_the_way_though_the_predictor_is_sure_already(blobs, share: float) -> None:
    predictor, x = blobs
    assert (predictor(x).softmax(1).amax(1) > 0.99).all()
    cf = explain(predictor, PixelChart([3]), x, OwnClass(), prepared(blobs, share=share), ReachClass(0.99), slots=7)
    centres = torch.stack([x[:40].mean(0), x[40:].mean(0)]).repeat_interleave(40, 0)
    assert cf.flipped.all() and torch.equal(cf.target, cf.source) and (cf.steps == 10).all()
    assert torch.allclose(cf.counterfactual, x + share * (centres - x), atol=1e-6)
    assert torch.allclose((cf.z_prime - centres).norm(dim=1), (1 - share) * (x - centres).norm(dim=1), atol=1e-6)


def test_the_last_point_that_reaches_the_objective_is_kept(blobs) -> None:
    """On the way from 0.3 to 0.8 class 0 ends at 0.5."""
    predictor, _ = blobs
    method = prepared(blobs, share=1.0, steps=20)
    method.centres[0] = method.centres[1]
    cf = explain(predictor, PixelChart([3]), torch.tensor([[0.3, 0.5, 0.5]]), FixedTarget(0), method, ReachClass(0.5))
    s = 0.05 * torch.arange(21)
    last = s[0.3 + s * (method.centres[1, 0] - 0.3) < 0.5].max()
    assert cf.flipped.all() and cf.counterfactual[0, 0].item() == pytest.approx(
        float(0.3 + last * (method.centres[1, 0] - 0.3)), abs=1e-5
    )


def test_a_class_that_no_sample_has_has_no_centre(blobs) -> None:
    predictor, x = blobs
    cf = explain(predictor, PixelChart([3]), x[:2], FixedTarget(2), prepared(blobs))
    assert (cf.status == Status.FAILED).all() and "gives the target class to none" in cf.reasons[0]
    with pytest.raises(InputError, match="no reference samples: call prepare"):
        explain(predictor, PixelChart([3]), x[:2], OwnClass(), Prototype())


@pytest.mark.parametrize("wrong", [{"share": 0.0}, {"share": 1.5}, {"steps": 0}, {"clip": [1.0, 0.0]}])
def test_numbers_out_of_their_range_are_named(wrong: dict) -> None:
    with pytest.raises(InputError, match=next(iter(wrong))):
        Prototype(**wrong)
