import pytest
import torch

from counterfactuals import InputError, Momentum


def test_without_momentum_it_is_the_normalised_gradient() -> None:
    grad = torch.randn(3, 5)
    optimizer = Momentum(0.0)
    _, step = optimizer.step(optimizer.start(grad), grad, torch.ones(3))
    assert torch.allclose(step, -grad / grad.norm(dim=1, keepdim=True))


def test_a_constant_gradient_gives_steps_of_length_one_in_its_direction() -> None:
    grad, optimizer = torch.tensor([[1e-20, 3e-20], [30.0, -40.0]], dtype=torch.float64), Momentum(0.9)
    grad[0] *= 1e10
    state = optimizer.start(grad)
    for _ in range(5):
        state, step = optimizer.step(state, grad, torch.ones(2))
        assert torch.allclose(step, -grad / grad.norm(dim=1, keepdim=True), atol=1e-10)


def test_the_recursion() -> None:
    first, second = torch.eye(2, dtype=torch.float64)
    optimizer = Momentum(0.9)
    state = optimizer.start(torch.zeros(1, 2, dtype=torch.float64))
    state, _ = optimizer.step(state, first[None], torch.ones(1))
    _, step = optimizer.step(state, 7 * second[None], torch.ones(1))
    assert torch.allclose(step, -(0.9 * 0.1 * first + 0.1 * second)[None] / (1 - 0.81))


def test_no_gradient_no_step() -> None:
    optimizer = Momentum()
    _, step = optimizer.step(optimizer.start(torch.zeros(3, 2)), torch.zeros(3, 2), torch.ones(3))
    assert not step.any()


@pytest.mark.parametrize("mu", [-0.1, 1.0])
def test_mu_out_of_range_is_refused(mu: float) -> None:
    with pytest.raises(InputError, match="mu must lie in"):
        Momentum(mu)
