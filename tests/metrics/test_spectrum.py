from functools import partial
from typing import Any

import pytest
import torch

from metrics import dimension_above, effective_dimension, jacobian, leading_spectrum, smallest_sigma, spectrum
from networks import ConvNet, Glow, VectorRealNVP


def test_linear_map_has_its_own_singular_values() -> None:
    a = torch.randn(7, 4, dtype=torch.float64)
    z = torch.randn(3, 4, dtype=torch.float64)
    result = spectrum(lambda v: v @ a.T, z, chunk_size=3)
    assert torch.allclose(jacobian(lambda v: v @ a.T, z), a.expand(3, 7, 4))
    assert torch.allclose(result.sigma, torch.linalg.svdvals(a).expand(3, 4))
    assert torch.allclose(result.u.mT @ result.u, torch.eye(4, dtype=torch.float64).expand(3, 4, 4), atol=1e-10)


def test_sum_of_logs_is_the_flows_log_determinant() -> None:
    flow = VectorRealNVP([1, 4, 4], 3, [16], levels=17).double().eval()
    with torch.no_grad():
        for p in flow.parameters():
            p.add_(0.1 * torch.randn_like(p))
        x = torch.rand(5, 1, 4, 4, dtype=torch.float64)
        z, log_det = flow(x)
    assert torch.allclose(spectrum(flow.inverse, z).sigma.log().sum(1), -log_det, atol=1e-8)


def test_dimensions() -> None:
    assert torch.allclose(effective_dimension(torch.ones(2, 5)), torch.tensor([5.0, 5.0]))
    sigma = torch.tensor([[1e30, 1e-9, 0.0]])
    assert torch.allclose(effective_dimension(sigma), torch.tensor([1.0]))
    assert dimension_above(torch.tensor([[2.0, 0.3, 0.1]])).tolist() == [2]


def decaying(rows: int, columns: int) -> torch.Tensor:
    u, v = (torch.linalg.qr(torch.randn(n, n, dtype=torch.float64))[0] for n in (rows, columns))
    k = min(rows, columns)
    return u[:, :k] @ torch.diag(0.8 ** torch.arange(k, dtype=torch.float64)) @ v[:, :k].T


def test_leading_singular_values_of_linear_maps_of_any_shape() -> None:
    for rows, columns in ((60, 40), (40, 60)):
        a = decaying(rows, columns)
        result = leading_spectrum(lambda x, a=a: x @ a.T, torch.randn(2, columns, dtype=torch.float64), k=8)
        u, sigma, vh = torch.linalg.svd(a)
        ones = torch.ones(3, dtype=torch.float64)
        for i in range(2):
            assert torch.allclose(result.sigma[i], sigma[:8], rtol=1e-4)
            assert torch.allclose((result.u[i].T @ u[:, :3]).abs().diagonal(), ones, atol=1e-3)
            assert torch.allclose((result.v[i].T @ vh[:3].T).abs().diagonal(), ones, atol=1e-3)


def test_points_have_spectra_of_their_own() -> None:
    """f(x) = x³ has the Jacobian diag(3 x²)."""
    x = torch.rand(4, 1, 5, 6, dtype=torch.float64)
    result = leading_spectrum(lambda v: v**3, x, k=5)
    expected = (3 * x.flatten(1).square()).sort(1, descending=True).values
    assert torch.allclose(result.sigma, expected[:, :5], rtol=1e-2)


def perturbed_glow() -> Glow:
    flow = Glow([1, 8, 8], 3, 2, partial(ConvNet, width=8), marginal_bins=8)
    flow.train()(torch.rand(32, 1, 8, 8))
    with torch.no_grad():
        for p in flow.parameters():
            p.add_(0.05 * torch.randn_like(p))
    return flow.double().eval().requires_grad_(False)


def test_randomised_agrees_with_exact_at_both_ends_of_a_flow() -> None:
    flow = perturbed_glow()
    x = torch.rand(3, 1, 8, 8, dtype=torch.float64)
    z = flow(x).z
    exact = spectrum(flow.inverse, z, chunk_size=100)
    fast = leading_spectrum(flow.inverse, z, k=12)
    assert torch.allclose(fast.sigma, exact.sigma[:, :12], rtol=1e-2)
    small = smallest_sigma(lambda x: flow(x).z, x, k=12)
    assert torch.allclose(small, exact.sigma[:, -12:], rtol=1e-2)
    # U and V are a pair: J v = σ u
    j = jacobian(flow.inverse, z)
    assert torch.allclose(j @ fast.v, fast.u * fast.sigma[:, None], atol=1e-2 * float(fast.sigma.max()))
    assert torch.allclose(exact.sigma.log().sum(1), -flow(x).log_det, atol=1e-8)


def test_the_energy_of_the_leading_values_is_exact_and_points_have_vectors_of_their_own() -> None:
    """A spectrum that falls slowly: the estimates of one point scatter little, and their mean over points less."""
    sigma = torch.arange(1, 301).float().pow(-0.75)
    seeds = torch.arange(12 * 8).view(12, 8).tolist()
    of = lambda own: leading_spectrum(lambda x: x * sigma, torch.zeros(8, 300), 8, seeds=own)  # noqa: E731
    results = [of(own) for own in seeds]
    estimates = torch.stack([effective_dimension(r.sigma, r.energy) for r in results])  # of 12 seeds at 8 points
    exact = effective_dimension(sigma)
    energies = torch.stack([r.energy for r in results]) / sigma.square().sum()
    assert abs(energies.mean() - 1) < 0.005 and energies.std() < 0.02
    assert estimates.std() < 0.04 * exact and estimates.mean(1).std() < 0.02 * exact
    assert torch.allclose(of([seeds[1][0]] * 8).energy, results[1].energy[0].expand(8), rtol=1e-5)


def test_effective_dimension_of_leading_values_knows_of_the_others() -> None:
    sigma = torch.tensor([[4.0, 1.0, 1.0, 1.0, 1.0]])
    whole = effective_dimension(sigma)
    part = effective_dimension(sigma[:, :1], sigma.square().sum(1))
    assert abs(part - whole) < 0.02 * whole


@pytest.mark.parametrize("of", [spectrum, lambda f, z: leading_spectrum(f, z, k=3)])
def test_a_jacobian_that_is_not_finite_costs_its_own_point_alone(of: Any) -> None:
    a, z = torch.randn(7, 4), torch.randn(5, 4)
    z[2, 0] = 100.0
    sick = lambda v: (v @ a.T) * torch.where(v[:, :1] > 50, torch.nan, 1.0)  # noqa: E731
    result, healthy = of(sick, z), of(lambda v: v @ a.T, z)
    others = [0, 1, 3, 4]
    assert result.sigma[2].isnan().all() and result.u[2].isnan().all()
    assert torch.allclose(result.sigma[others], healthy.sigma[others], rtol=1e-4)


def test_a_constant_has_no_dimension() -> None:
    assert effective_dimension(torch.tensor([[0.0, 0.0], [1.0, 1.0], [torch.nan, 1.0]])).tolist()[:2] == [0, 2]
