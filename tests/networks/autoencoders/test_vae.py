import copy
import math

import pytest
import torch
from torch import Tensor, nn
from torch.distributions import Independent, MultivariateNormal, Normal, kl_divergence

from networks import VAE, BatchGaussian, Bernoulli, ConvVAE, GatedVAE, Gaussian, InputError
from networks.autoencoders import Posterior

SHAPE, DIM = (1, 8, 8), 3


def small(num_reflections: int = 0) -> list[VAE]:
    return [
        ConvVAE(SHAPE, [4, 8], DIM, num_reflections=num_reflections, features=16),
        GatedVAE(SHAPE, [16, 12], DIM, Gaussian(), num_reflections),
    ]


def linear_gaussian(d: int = 2, p: int = 5) -> tuple[VAE, MultivariateNormal]:
    """x = W z + b + σ ε with its exact posterior, N(S Wᵀ(x − b)/σ², S), S = (I + WᵀW/σ²)⁻¹; and its evidence.

    The columns of W are orthogonal, so that S is diagonal.
    """
    w, b, variance = nn.init.orthogonal_(torch.empty(p, d)) * torch.tensor([2.0, 0.5]), torch.randn(p), 0.3
    likelihood = Gaussian(nn.Identity(), floor=1e-6)
    vae = VAE(nn.Identity(), nn.Linear(d, p), [p], d, p, likelihood).double()
    s = 1 / (1 + w.square().sum(0) / variance)
    with torch.no_grad():
        vae.decoder.weight.copy_(w)
        vae.decoder.bias.copy_(b)
        likelihood.log_variance.fill_(math.log(variance - 1e-6))
        vae.mean.weight.copy_(s[:, None] * w.T / variance)
        vae.mean.bias.copy_(-s * (w.T @ b) / variance)
        vae.log_sigma.weight.zero_()
        vae.log_sigma.bias.copy_(0.5 * s.log())
    w, b = w.double(), b.double()
    return vae, MultivariateNormal(b, w @ w.T + variance * torch.eye(p, dtype=torch.float64))


@pytest.mark.parametrize("t", [0, 1, 4])
def test_shapes_and_gradients_reach_every_parameter(t: int) -> None:
    for vae in small(t):
        x = torch.rand(4, *SHAPE)
        posterior = vae.posterior(x)
        assert posterior.mean.shape == posterior.log_sigma.shape == (4, DIM)
        assert posterior.v is None if t == 0 else posterior.v.shape == (4, t, DIM)
        assert vae.encode(x).shape == vae.rsample(posterior).shape == (4, DIM)
        assert vae(x).shape == vae.sample(4).shape == x.shape and 0 <= vae(x).min() <= vae(x).max() <= 1
        vae.elbo_terms(x).elbo.sum().backward()
        assert all(p.grad is not None and p.grad.any() for p in vae.parameters())


def test_kl_is_that_of_torch() -> None:
    posterior = Posterior(torch.randn(5, 3), torch.randn(5, 3), None)
    expected = kl_divergence(Normal(posterior.mean, posterior.log_sigma.exp()), Normal(0.0, 1.0))
    assert torch.allclose(posterior.kl(), expected, atol=1e-5)


def test_the_reflected_posterior_is_a_full_gaussian_of_the_same_kl() -> None:
    mean, log_sigma, v = torch.randn(1, 3).double(), torch.randn(1, 3).double(), torch.randn(1, 2, 3).double()
    posterior = Posterior(mean, log_sigma, v)
    basis = torch.eye(3).double()[:, None]
    columns = posterior.at(basis)[:, 0] - posterior.at(torch.zeros(1, 3).double())  # (Q diag σ)ᵀ
    full = MultivariateNormal(posterior.at(torch.zeros(1, 3).double())[0], columns.T @ columns)
    assert not torch.allclose(full.covariance_matrix, full.covariance_matrix.diag().diag(), atol=1e-2)
    expected = kl_divergence(full, MultivariateNormal(torch.zeros(3).double(), torch.eye(3).double()))
    assert torch.allclose(posterior.kl().sum(), expected)


def test_with_the_exact_posterior_the_importance_weighted_bound_is_the_evidence() -> None:
    """All weights are p(x) then, whatever the number of samples."""
    vae, evidence = linear_gaussian()
    x = evidence.sample((6,))
    for samples in (1, 7):
        assert torch.allclose(vae.log_likelihood(x, samples, chunk=12), evidence.log_prob(x), atol=1e-5)


def test_with_the_exact_posterior_the_bound_is_the_evidence_on_average() -> None:
    vae, evidence = linear_gaussian()
    x = evidence.sample((1,)).expand(200_000, -1)
    assert vae.elbo_terms(x).elbo.mean().item() == pytest.approx(evidence.log_prob(x[0]).item(), abs=0.02)


@pytest.mark.parametrize("t", [0, 2])
def test_more_samples_bring_the_bound_from_below_to_the_evidence(t: int) -> None:
    vae, evidence = linear_gaussian()
    with torch.no_grad():
        vae.log_sigma.bias.add_(0.3)
        vae.mean.bias.add_(0.2)
        if t:  # reflected at random, it must be wide to hold the true posterior
            vae.reflections = nn.ModuleList(nn.Linear(n, 2).double() for n in (5, 2))
            vae.log_sigma.bias.zero_()
            vae.mean.weight.mul_(0.3)
    x = evidence.sample((300,))
    exact = evidence.log_prob(x).mean()
    elbo = torch.stack([vae.elbo_terms(x).elbo.mean() for _ in range(50)]).mean()
    some, many = vae.log_likelihood(x, 10).mean(), vae.log_likelihood(x, 5000).mean()
    assert elbo < some < many < exact + 0.01
    assert many.item() == pytest.approx(exact.item(), abs=0.1 if t else 0.01)


def test_an_importance_weight_is_a_ratio_of_densities() -> None:
    vae = GatedVAE(SHAPE, [8], DIM, Bernoulli(), num_reflections=3).double()
    x = torch.rand(4, *SHAPE).bernoulli().double()
    generator, again = torch.Generator().manual_seed(1), torch.Generator().manual_seed(1)
    found = vae.log_likelihood(x, 1, generator=generator)
    posterior = vae.posterior(x)
    noise = torch.randn(1, 4, DIM, generator=again, dtype=torch.float64)
    z = posterior.at(noise)[0]
    log_q = Independent(Normal(posterior.mean, posterior.log_sigma.exp()), 1).log_prob(
        posterior.mean + posterior.log_sigma.exp() * noise[0]
    )
    log_p = Independent(Normal(torch.zeros(DIM).double(), 1.0), 1).log_prob(z)
    expected = vae.likelihood.log_prob(x, vae.decoder(z)) + log_p - log_q
    assert torch.allclose(found, expected)


def test_samples_in_parts_are_samples_at_once() -> None:
    vae, x = GatedVAE(SHAPE, [8], 4, num_reflections=2).eval(), torch.rand(4, *SHAPE)  # torch draws by sixteens
    whole, parts = (vae.log_likelihood(x, 10, chunk, torch.Generator().manual_seed(0)) for chunk in (40, 1))
    assert torch.allclose(whole, parts, atol=1e-4)


@pytest.mark.parametrize("t", [0, 2])
def test_a_code_depends_on_its_image_alone(t: int) -> None:
    for vae in small(t):
        x = torch.rand(5, *SHAPE)
        assert torch.allclose(vae.encode(x)[3], vae.encode(x[3:4])[0], atol=1e-5)
        assert torch.allclose(vae(x)[3], vae(x[3:4])[0], atol=1e-5)


def test_noise_is_the_generators() -> None:
    vae, x = small(2)[0], torch.rand(4, *SHAPE)
    first, second = (vae.elbo_terms(x, torch.Generator().manual_seed(3)) for _ in range(2))
    assert torch.equal(first.reconstruction, second.reconstruction)
    assert not torch.equal(first.reconstruction, vae.elbo_terms(x).reconstruction)
    assert torch.equal(*(vae.sample(3, 0.5, torch.Generator().manual_seed(0)) for _ in range(2)))


def test_works_under_lower_precision() -> None:
    """Divergence and reflections stay in full precision, and the bound is near that of full precision."""
    for vae in small(3):
        x = torch.rand(4, *SHAPE)
        with torch.autocast("cpu", torch.bfloat16):
            low, z = vae.elbo_terms(x, torch.Generator().manual_seed(0)), vae.encode(x)
            assert vae.decode(z).dtype == torch.float32
        high = vae.elbo_terms(x, torch.Generator().manual_seed(0))
        assert low.kl.dtype == low.elbo.dtype == z.dtype == torch.float32
        assert torch.allclose(low.elbo, high.elbo, rtol=0.02)
        posterior = vae.posterior(x)
        assert torch.allclose(posterior.at(torch.zeros(4, DIM)).norm(dim=1), posterior.mean.norm(dim=1), atol=1e-5)


def test_saved_and_loaded_it_is_the_same() -> None:
    make = lambda: ConvVAE(SHAPE, [4], DIM, BatchGaussian(SHAPE), num_reflections=2)  # noqa: E731
    vae, other, x = make(), make(), torch.rand(4, *SHAPE)
    vae.elbo_terms(x)
    other.load_state_dict(copy.deepcopy(vae.state_dict()))
    bounds = [v.eval().elbo_terms(x, torch.Generator().manual_seed(0)).elbo for v in (vae, other)]
    assert torch.equal(*bounds)


def test_learns_two_kinds_of_images() -> None:
    """log p(x) = log ½ is the best there is; without a latent it would be 64 log ½."""
    kinds = torch.stack([torch.zeros(SHAPE), torch.ones(SHAPE)])
    vae = GatedVAE(SHAPE, [16], latent_dim=1)
    optimizer = torch.optim.Adam(vae.parameters(), 1e-2)
    for _ in range(300):
        optimizer.zero_grad()
        (-vae.elbo_terms(kinds.repeat(16, 1, 1, 1)).elbo.mean()).backward()
        optimizer.step()
    assert -1.5 < vae.log_likelihood(kinds, 500).mean() < math.log(0.5) + 0.05
    assert torch.allclose(vae(kinds), kinds, atol=0.05)


def test_what_it_cannot_be_is_named() -> None:
    with pytest.raises(InputError, match="num_reflections must not be negative; got -1"):
        GatedVAE(SHAPE, num_reflections=-1)
    with pytest.raises(InputError, match=r"at least one hidden layer, e.g. hidden: \[300, 300\]"):
        GatedVAE(SHAPE, [])
    with pytest.raises(InputError, match=r"not samples of shape \(3,\)"):
        ConvVAE([3])


def test_points_go_too() -> None:
    vae = GatedVAE([3], [8], 1, Gaussian(nn.Identity()))
    x: Tensor = 5 * torch.randn(4, 3)
    assert vae(x).shape == (4, 3) and vae.elbo_terms(x).elbo.isfinite().all()
