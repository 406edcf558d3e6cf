import pytest
import torch
from torch import Tensor

from counterfactuals import HierarchicalChart, InputError, Relaxation, explain
from networks import CNN, HierarchicalVAE
from networks.autoencoders.hierarchical import condition, condition_of_class


def bound(vae: HierarchicalVAE, levels: int | None = None) -> tuple[HierarchicalChart, CNN]:
    chart, predictor = HierarchicalChart(vae, levels=levels), CNN([1, 12, 12], 2).eval()
    chart.explaining(predictor)
    return chart, predictor


def test_coordinates_are_the_latents_and_the_condition(vae: HierarchicalVAE) -> None:
    (chart, predictor), x = bound(vae), torch.rand(3, 1, 12, 12)
    with torch.no_grad():
        z, xi = chart.encode(x), condition(predictor(x))
        assert z.shape == (3, chart.dim) and chart.dim == vae.latent_dim + 1
        assert torch.allclose(z[:, : vae.latent_dim], vae.encode(x, xi), atol=1e-5)
        assert torch.allclose(torch.special.ndtr(z[:, vae.latent_dim :]), xi, atol=1e-5)
        assert torch.allclose(chart.decode(z), vae.reconstruct(x, xi), atol=1e-4)


def test_a_search_in_the_top_leaves_the_rest_alone(vae: HierarchicalVAE) -> None:
    x, top = torch.rand(2, 1, 12, 12), vae.split(torch.zeros(1, vae.latent_dim))[0].numel()
    for levels, expected in ((None, vae.latent_dim), (1, top), (0, 0)):
        chart, _ = bound(vae, levels)
        z = chart.encode(x).detach().requires_grad_()
        (grad,) = torch.autograd.grad(chart.decode(z).square().sum(), z)
        moved = grad.abs().sum(0) > 0
        assert moved[-1] and not moved[expected : vae.latent_dim].any()
        assert moved[:expected].float().mean() > 0.9 if expected else True
    with pytest.raises(InputError, match="levels must be 0 to 3"):
        HierarchicalChart(vae, levels=4)


def test_at_one_the_posterior_speaks_and_at_zero_the_prior(vae: HierarchicalVAE) -> None:
    chart, x = HierarchicalChart(vae), torch.rand(3, 1, 12, 12)
    xi = condition_of_class(torch.tensor([1, 0, 1]), 2)
    noise = [torch.randn(1, *shape) for shape in vae.latents]
    with torch.no_grad():
        z, x_prime = chart.relax(x, xi, torch.tensor([[1.0, 0.0]] * 3), noise)
        observed = vae.observe(x, xi)
        z0 = observed.top.at(noise[0])
        z0[:, :1] = 5 * xi[:, :, None, None]  # the channel that the condition moves
        full = vae.descend(z0, xi, lambda i, d, p: p.plus(vae.difference(i, d, observed)).at(noise[i + 1]))

        def prior_alone(i: int, d: Tensor, prior):
            sigma = (prior.log_sigma + vae.difference(i, d, observed).log_sigma).exp()
            return prior.mean + sigma * noise[i + 1]

        relaxed = vae.descend(z0, xi, prior_alone)
    z, x_prime = z.view(3, 2, -1), x_prime.view(3, 2, 1, 12, 12)
    assert torch.allclose(x_prime[:, 0], vae.likelihood.mean(full), atol=1e-5)
    assert torch.allclose(x_prime[:, 1], vae.likelihood.mean(relaxed), atol=1e-5)
    assert torch.allclose(chart.decode(z[:, 0]), x_prime[:, 0], atol=2e-3)  # ξ is clamped away from 0 and 1
    assert not torch.allclose(x_prime[:, 0], x_prime[:, 1], atol=1e-2)


def test_relaxed_variance_is_the_priors_own(vae: HierarchicalVAE) -> None:
    chart, x = HierarchicalChart(vae), torch.rand(2, 1, 12, 12)
    xi, noise = condition_of_class(torch.tensor([1, 0]), 2), [torch.randn(1, *shape) for shape in vae.latents]
    with torch.no_grad():
        z, _ = chart.relax(x, xi, torch.zeros(2, 1), noise, relax_variance=True)
    below = z[:, vae.split(z[:, : vae.latent_dim])[0][0].numel() : vae.latent_dim]
    expected = torch.cat([e.flatten(1) for e in noise[1:]], 1).expand(2, -1)
    assert torch.allclose(below, expected, atol=1e-4)


def test_it_explains_one_classifier(vae: HierarchicalVAE) -> None:
    x = torch.rand(2, 1, 12, 12)
    with pytest.raises(InputError, match="trained to explain another classifier"):
        explain(CNN([1, 12, 12], 2), HierarchicalChart(vae, conditioned_on="0" * 16), x, 1, Relaxation())
    with pytest.raises(InputError, match=r"call chart\.explaining"):
        HierarchicalChart(vae).encode(x)
