"""The solution map against the closed form: v(x, t) of a Gaussian target is linear in x."""

import math

import pytest
import torch
from torch import Tensor, nn

from counterfactuals import FlowChart
from metrics import leading_spectrum, spectrum
from networks import InputError, VelocityUNet
from networks.flows import RK4, Adaptive, ContinuousFlow, Midpoint

MU, SIGMA = 0.3, 0.2


class GaussianVelocity(nn.Module):
    """v(x, t) = E[x₁ − x₀ | xₜ = x] for x₀ ~ N(0, 1) and x₁ ~ N(μ, σ²), entry by entry."""

    shape, num_conditions = (1, 2, 2), 0

    def __init__(self) -> None:
        super().__init__()
        self.mu = nn.Parameter(torch.tensor(MU))

    def forward(self, x: Tensor, t: Tensor) -> Tensor:
        t = t.view(-1, 1, 1, 1)
        variance = (1 - t) ** 2 + t**2 * SIGMA**2
        return self.mu + (t * SIGMA**2 - (1 - t)) / variance * (x - t * self.mu)


class LinearVelocity(nn.Module):
    """v(x, t) = S x, whose divergence is tr S everywhere."""

    shape, num_conditions = (1, 4, 4), 0

    def __init__(self, matrix: Tensor) -> None:
        super().__init__()
        self.register_buffer("matrix", matrix)

    def forward(self, x: Tensor, t: Tensor) -> Tensor:
        return (x.flatten(1) @ self.matrix.T).view_as(x)


def flow(velocity: nn.Module | None = None, **settings) -> ContinuousFlow:
    settings = {"mean": 0.0, "std": 1.0, "levels": None} | settings
    return ContinuousFlow(velocity or GaussianVelocity(), **settings).double()


def unet_flow(num_conditions: int = 0, **settings) -> ContinuousFlow:
    velocity = VelocityUNet([1, 4, 4], [8, 16], num_conditions=num_conditions)
    for p in velocity.parameters():
        nn.init.normal_(p, std=0.1)
    return flow(velocity, mean=0.5, std=0.5, **settings)


@pytest.mark.parametrize("solver", [Midpoint(), RK4(), Adaptive(1e-8, 1e-8)])
def test_the_map_of_a_gaussian(solver) -> None:
    """Along this flow x₁ = μ + σ x₀."""
    z = torch.randn(6, 4, dtype=torch.float64)
    model = flow(solver=solver, steps=100)
    x = model.inverse(z)
    tolerance = 1e-3 if isinstance(solver, Midpoint) else 1e-6
    assert torch.allclose(x.flatten(1), MU + SIGMA * z, atol=tolerance)
    assert torch.allclose(model.encode(x), z, atol=10 * tolerance)


@pytest.mark.parametrize("num_probes", [0, 1, 3])
@torch.no_grad()
def test_log_likelihood_of_a_gaussian(num_probes: int) -> None:
    """The Jacobian is diagonal here, where random signs are exact too."""
    x = MU + SIGMA * torch.randn(6, 1, 2, 2, dtype=torch.float64)
    expected = torch.distributions.Normal(MU, SIGMA).log_prob(x).flatten(1).sum(1)
    found = flow(solver=RK4(), steps=60, num_probes=num_probes).log_prob(x)
    assert torch.allclose(found, expected, atol=1e-4)


@torch.no_grad()
def test_log_determinant_is_that_of_autograd() -> None:
    model, x = unet_flow(), torch.rand(2, 1, 4, 4, dtype=torch.float64)
    model.num_probes, model.solver, model.steps = 0, RK4(), torch.tensor(12)
    for sample, log_det in zip(x, model(x).log_det, strict=True):
        jacobian = torch.func.jacrev(lambda s: model.encode(s[None])[0])(sample).reshape(16, 16)
        assert log_det.item() == pytest.approx(torch.linalg.slogdet(jacobian).logabsdet.item(), abs=1e-4)


@torch.no_grad()
def test_random_signs_estimate_the_log_determinant() -> None:
    model, x = unet_flow(), torch.rand(3, 1, 4, 4, dtype=torch.float64)
    model.num_probes = 0
    exact = model(x).log_det
    model.num_probes = 200
    assert torch.allclose(model(x).log_det, exact, atol=0.5) and exact.abs().min() > 1


@torch.no_grad()
def test_errors_of_random_signs_average_out_over_samples() -> None:
    """v = S x with a symmetric S: the log-determinant is −tr S, its estimate's variance 2 Σᵢ≠ⱼ S²ᵢⱼ a sample."""
    s = torch.randn(16, 16, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    s = s + s.T
    model = flow(LinearVelocity(s), steps=1)
    x = torch.randn(4096, 1, 4, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    error = model(x).log_det + s.trace()
    sd = float((2 * (s - s.diag().diag()).square().sum()).sqrt())
    assert error.std() == pytest.approx(sd, rel=0.05)
    assert error.mean().abs() < 3 * sd / 64
    assert error.view(64, 64).mean(1).std() == pytest.approx(sd / 8, rel=0.3), "of 64 samples an eighth of one's"
    assert torch.allclose(model(x[5:7]).log_det + s.trace(), error[5:7])


def test_round_trip_gets_better_with_the_steps() -> None:
    model, x = flow(), MU + SIGMA * torch.randn(4, 1, 2, 2, dtype=torch.float64)
    errors = []
    for steps in (8, 16, 32):
        model.steps.fill_(steps)
        errors.append(model.reconstruction_error(x))
    assert errors[0] > 3 * errors[1] > 9 * errors[2] > 0


def test_gradient_of_the_decode_against_finite_differences() -> None:
    model, z = unet_flow(), torch.randn(2, 16, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda z: model.inverse(z).flatten(1)[:, ::5], z, eps=1e-6, atol=1e-6)


def test_samples_do_not_see_each_other() -> None:
    model, z = unet_flow().float(), torch.randn(5, 16)
    assert torch.allclose(model.inverse(z)[3:4], model.inverse(z[3:4]), atol=1e-5)
    x = torch.rand(5, 1, 4, 4)
    assert torch.allclose(model.log_prob(x)[3:4], model.log_prob(x[3:4]), atol=1e-2)


def test_steps_are_as_many_as_the_error_needs_and_stay_in_the_state() -> None:
    model, x = flow(), MU + SIGMA * torch.randn(4, 1, 2, 2, dtype=torch.float64)
    loose = model.choose_steps(x, 1e-2), int(model.steps)
    tight = model.choose_steps(x, 1e-5), int(model.steps)
    assert loose[0] <= 1e-2 and tight[0] <= 1e-5 and loose[1] < tight[1] < 128
    again = flow()
    again.load_state_dict(model.state_dict())
    assert int(again.steps) == tight[1]
    impossible = model.choose_steps(x, 0.0)
    assert impossible > 0 and int(model.steps) == 128


def test_conditions_change_the_flow() -> None:
    model, z = unet_flow(num_conditions=3), torch.randn(2, 16, dtype=torch.float64)
    zero, one = (model.inverse(z, torch.tensor([c, c])) for c in (0, 1))
    assert (zero - one).abs().max() > 1e-3
    with pytest.raises(InputError, match="it needs a condition"):
        model.inverse(z)


def test_gradients_of_the_likelihood_reach_x_and_parameters() -> None:
    model, x = flow(num_probes=0), torch.zeros(2, 1, 2, 2, dtype=torch.float64, requires_grad=True)
    grads = torch.autograd.grad(model.log_prob(x).sum(), [x, model.layers.mu])
    expected = (MU - x) / SIGMA**2  # of a Gaussian's log-density
    assert torch.allclose(grads[0], expected, rtol=0.05) and math.isclose(grads[1], -grads[0].sum(), rel_tol=0.05)


def test_refuses_no_steps() -> None:
    with pytest.raises(InputError, match="steps must be positive; got 0"):
        flow(steps=0)


@torch.no_grad()
def test_spectrum_adds_up_to_the_log_determinant() -> None:
    model, z = unet_flow(solver=RK4(), steps=8, num_probes=0), torch.randn(2, 16, dtype=torch.float64)
    sigma = spectrum(FlowChart(model).decode, z).sigma
    assert torch.allclose(sigma.log().sum(1), -model(model.inverse(z)).log_det, atol=1e-3)
    leading = leading_spectrum(FlowChart(model).decode, z, 4, seeds=range(len(z)))
    assert torch.allclose(leading.sigma, sigma[:, :4], rtol=1e-2)
