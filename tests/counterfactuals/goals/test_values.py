import pytest
import torch
from torch import Tensor, nn

from counterfactuals import (
    Across,
    Ascent,
    AtLeast,
    AtMost,
    FewAndMany,
    FixedTarget,
    InputError,
    LatentSearch,
    Momentum,
    PixelChart,
    ReachClass,
    RunnerUp,
    Shift,
    Status,
    Value,
    Values,
    Within,
    explain,
)


@pytest.fixture
def thermometer() -> nn.Linear:
    """f(x) = 3 x₁ + 1, of B×1."""
    linear = nn.Linear(2, 1)
    linear.weight.data, linear.bias.data = torch.tensor([[3.0, 0.0]]), torch.ones(1)
    return linear


def search(thermometer: nn.Module, x: Tensor, target, objective, **settings):
    method = Ascent(0.1, 100, clip=None, optimizer=Momentum(0.0), **settings)
    return explain(thermometer, PixelChart((2,)), x, target, method, objective)


def test_steps_along_the_gradient_until_the_value_is_reached(thermometer: nn.Linear) -> None:
    """Steps of length 0.1 along x₁ raise f by 0.3 each: from 1 to 3.1 in seven."""
    cf = search(thermometer, torch.zeros(1, 2), 2.95, AtLeast())
    assert cf.steps.tolist() == [7] and cf.status.tolist() == [Status.FLIPPED]
    assert torch.allclose(cf.counterfactual, torch.tensor([[0.7, 0.0]]))
    assert cf.source.tolist() == [1.0] and cf.prediction.item() == pytest.approx(3.1)
    assert cf.source_confidence.item() == pytest.approx(-1.95) and cf.confidence.item() == pytest.approx(0.15)


def test_down_and_into_an_interval(thermometer: nn.Linear) -> None:
    x = torch.tensor([[0.0, 0.5], [2.0, 0.5]])
    low = search(thermometer, x, Value(0.2), AtMost())
    assert low.flipped.all() and (low.prediction <= 0.2).all() and low.steps.tolist() == [3, 23]
    middle = search(thermometer, x, Value(3.0), Within(0.2))
    assert middle.flipped.all() and ((middle.prediction - 3).abs() <= 0.2).all()
    assert torch.equal(middle.counterfactual[:, 1], x[:, 1])


def test_both_directions_in_one_run(thermometer: nn.Linear) -> None:
    """From 1 up to 4 in ten steps of 0.3, from 7 down to 2 in seventeen; 5 is neither few nor many."""
    x = torch.tensor([[0.0, 0.0], [4 / 3, 0.0], [2.0, 0.0]])
    cf = search(thermometer, x, FewAndMany(few=3, many=6, high=3.95, low=1.95), Across(3))
    assert cf.flipped.all() and cf.steps.tolist() == [10, 17]
    assert torch.allclose(cf.x, x[[0, 2]]) and cf.prediction.tolist() == pytest.approx([4.0, 1.9], abs=1e-4)


def test_a_dose_response(thermometer: nn.Linear) -> None:
    cf = search(thermometer, torch.tensor([[0.0, 0.0], [1.0, 0.0]]), Values([1, 2.5, 4]), Within(0.16))
    assert cf.source.tolist() == [1, 1, 1, 4, 4, 4]
    assert ((cf.prediction - torch.tensor([1, 2.5, 4] * 2)).abs() <= 0.16).all()
    assert cf.status.tolist() == [Status.ALREADY_TARGET, 0, 0, 0, 0, Status.ALREADY_TARGET]


def test_nobody_to_search_from_is_an_error(thermometer: nn.Linear) -> None:
    with pytest.raises(InputError, match="nothing to search for: FewAndMany asks for none of these 2 samples"):
        search(thermometer, torch.zeros(2, 2), FewAndMany(few=0, many=2, high=3, low=0), Across(1.5))


def test_what_has_the_value_needs_no_search(thermometer: nn.Linear) -> None:
    cf = search(thermometer, torch.tensor([[0.0, 0.0], [1.0, 0.0]]), torch.tensor([1.0, 4.5]), AtLeast())
    assert cf.status.tolist() == [Status.ALREADY_TARGET, Status.FLIPPED] and cf.steps[0] == 0


def test_shift_is_from_each_samples_own_value(thermometer: nn.Linear) -> None:
    cf = search(thermometer, torch.tensor([[0.0, 0.0], [1.0, 0.0]]), Shift(-0.85), AtMost())
    assert torch.allclose(cf.target, torch.tensor([0.15, 3.15])) and cf.steps.tolist() == [3, 3]


def test_a_search_without_gradients(thermometer: nn.Linear) -> None:
    cf = explain(
        thermometer, PixelChart((2,)), torch.zeros(3, 2), 2.0, LatentSearch(step_size=0.1, clip=None), AtLeast()
    )
    assert cf.flipped.all() and torch.allclose(cf.prediction, thermometer(cf.counterfactual)[:, 0])


def test_a_search_that_does_not_arrive_keeps_its_best(thermometer: nn.Linear) -> None:
    cf = search(thermometer, torch.zeros(1, 2), 1e3, AtLeast())
    assert cf.status.tolist() == [Status.TIMEOUT] and cf.prediction.item() == pytest.approx(31.0, abs=0.1)


@pytest.mark.parametrize(
    ("target", "objective", "message"),
    [
        (RunnerUp(), AtLeast(), "RunnerUp is for classes"),
        (FixedTarget(1), AtLeast(), "FixedTarget is for classes"),
        (Value(1.0), ReachClass(), "ReachClass is for classes, and the predictor returns one value a sample: use AtLe"),
    ],
)
def test_classes_and_values_do_not_mix(thermometer: nn.Linear, target, objective, message: str) -> None:
    with pytest.raises(InputError, match=message):
        search(thermometer, torch.zeros(1, 2), target, objective)


def test_values_want_one_number_a_sample(linear_predictor) -> None:
    with pytest.raises(InputError, match=r"AtLeast is for predictors .* this one returns \(3,\): use ReachClass"):
        explain(linear_predictor, PixelChart((6,)), torch.zeros(2, 6), 1.0, objective=AtLeast())


def test_an_interval_has_a_width() -> None:
    with pytest.raises(InputError, match="tolerance must be positive"):
        Within(0.0)
