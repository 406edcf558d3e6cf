import pytest
import torch

from counterfactuals import (
    Ascent,
    InputError,
    MinimalChange,
    Momentum,
    PixelChart,
    PixelL2,
    Polyak,
    ReachMargin,
    explain,
)


def test_a_linear_loss_takes_one_step() -> None:
    """The margin of a linear model is linear: one step reaches it, whatever it is."""
    predictor = torch.nn.Linear(5, 2)
    x = torch.randn(30, 5)
    method = Ascent(1.0, 10, clip=None, optimizer=Polyak(longest=1e6, shortest=1e-4))
    target = 1 - predictor(x).argmax(1)
    cf = explain(predictor, PixelChart([5]), x, target, method, ReachMargin(2.0))
    assert cf.flipped.all() and (cf.steps <= 2).all()  # rounding may leave a trace to go
    w = predictor.weight[1] - predictor.weight[0]
    assert torch.allclose(
        (cf.counterfactual - x).norm(dim=1), (2 - -predictor(x).diff(dim=1)[:, 0].abs()) / w.norm(), atol=1e-3
    )


def test_lengths_are_bounded() -> None:
    optimizer = Polyak(longest=0.5, shortest=0.2)
    state = optimizer.start(torch.zeros(4, 2))
    grad = torch.tensor([[3.0, 4.0], [3.0, 4.0], [30.0, 40.0], [0.0, 0.0]])
    _, step = optimizer.step(state, grad, torch.tensor([100.0, -1.0, 15.0, 1.0]))
    assert step.norm(dim=1).tolist() == pytest.approx([0.5, 0.2, 0.3, 0.0])
    assert torch.allclose(step[0], -0.5 * torch.tensor([0.6, 0.8]))


def test_bounds_upside_down() -> None:
    with pytest.raises(InputError, match="got 2 and 1"):
        Polyak(longest=1, shortest=2)


def test_with_a_distance_it_does_not_know_the_goal() -> None:
    for method in (lambda rule: Ascent(optimizer=rule, distance=PixelL2()), lambda rule: MinimalChange(optimizer=rule)):
        with pytest.raises(InputError, match="what is descended with a distance is not the loss alone"):
            method(Polyak())
        method(Momentum())
