import pytest
import torch
from torch import Tensor
from torch.distributions import Normal as TorchNormal
from torch.distributions import kl_divergence

from networks import VAE, AdaIN, Concatenation, Gaussian, HierarchicalVAE, InputError
from networks.autoencoders.hierarchical import Normal, centred, condition, condition_of_class


def vaex(injection=AdaIN, num_classes: int = 2, **changes) -> HierarchicalVAE:
    settings = {"widths": [8, 12, 16], "latent_channels": [2, 3, 4], "likelihood": Gaussian()}
    return HierarchicalVAE([1, 12, 10], num_classes, injection=injection, **(settings | changes))


def batch(n: int = 5, num_classes: int = 2) -> tuple[Tensor, Tensor]:
    return torch.rand(n, 1, 12, 10), torch.rand(n, num_classes - 1)


def test_the_papers_sizes() -> None:
    paper = HierarchicalVAE([3, 129, 129], 2)
    assert paper.latents == [(32, 3, 3), (16, 5, 5), (8, 9, 9), (4, 17, 17), (2, 33, 33), (1, 65, 65)]
    assert paper.latent_dim == 8895
    assert 9e6 < sum(p.numel() for p in paper.parameters()) < 11e6  # 10.1 million


def test_kl_against_torch() -> None:
    prior, delta = (Normal(torch.randn(4, 2, 3, 3), 0.5 * torch.randn(4, 2, 3, 3)) for _ in range(2))
    posterior = prior.plus(delta)
    p, q = (TorchNormal(n.mean, n.log_sigma.exp()) for n in (prior, posterior))
    assert torch.allclose(prior.kl_of(delta), kl_divergence(q, p), atol=1e-5)


def test_hierarchical_kl_against_monte_carlo() -> None:
    """E_q log q(z|x) − log p(z) along whole paths from the top down, by torch's own densities."""
    vae, (x, xi) = vaex().double().eval(), (t.double() for t in batch(1))
    n = 4000
    x, xi = x.expand(n, -1, -1, -1), xi.expand(n, -1)
    observed, top = vae.observe(x, xi), vae.prior_of_top(xi)
    z0 = observed.top.at(torch.randn_like(observed.top.mean))

    def density(normal: Normal, z: Tensor) -> Tensor:
        return TorchNormal(normal.mean, normal.log_sigma.exp()).log_prob(z).flatten(1).sum(1)

    ratios = [density(observed.top, z0) - density(top, z0)]

    def infer(i: int, d: Tensor, prior: Normal) -> Tensor:
        posterior = prior.plus(vae.difference(i, d, observed))
        z = posterior.at(torch.randn_like(d.new_empty(posterior.mean.shape)))
        ratios.append(density(posterior, z) - density(prior, z))
        return z

    with torch.no_grad():
        vae.descend(z0, xi, infer)
        kl = vae.elbo_terms(x, xi).kl.sum(1)
    ratio = torch.stack(ratios).sum(0).detach()
    error = (ratio.std() ** 2 + kl.std() ** 2).sqrt() / n**0.5
    assert abs(float(ratio.mean() - kl.mean())) < 4 * error
    assert float(kl.mean()) > 20 * error


def test_one_level_is_the_plain_conditional_autoencoder() -> None:
    one = vaex(widths=[8], latent_channels=[3], prior_shift=0.0).eval()
    x, xi = batch()

    class Encoder(torch.nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return torch.cat([part.flatten(1) for part in one.observe(x, xi).top], 1)

    class Decoder(torch.nn.Module):
        def forward(self, z: Tensor) -> Tensor:
            return one.descend(*one.split(z), xi, None)  # type: ignore[arg-type]  # there is no level to choose for

    plain = VAE(Encoder(), Decoder(), [1, 12, 10], one.latent_dim, 2 * one.latent_dim, one.likelihood)
    eye, zero = torch.eye(one.latent_dim), torch.zeros(one.latent_dim, one.latent_dim)
    for layer, weight in ((plain.mean, [eye, zero]), (plain.log_sigma, [zero, eye])):
        layer.weight.data, layer.bias.data = torch.cat(weight, 1), torch.zeros(one.latent_dim)
    terms = one.elbo_terms(x, xi, torch.Generator().manual_seed(3))
    expected = plain.elbo_terms(x, torch.Generator().manual_seed(3))
    assert torch.allclose(terms.reconstruction, expected.reconstruction, rtol=1e-5)
    assert torch.allclose(terms.kl, expected.kl, atol=1e-5)


def test_the_prior_of_the_top_moves_with_the_condition() -> None:
    vae = vaex(num_classes=4)
    mean = vae.prior_of_top(torch.tensor([[0.2, 0.0, 1.0]])).mean
    assert torch.allclose(mean.mean((2, 3)), torch.tensor([[1.0, 0.0, 5.0, 0.0]]))
    assert torch.equal(mean, mean[:, :, :1, :1].expand_as(mean))


@pytest.mark.parametrize("injection", [AdaIN, Concatenation])
def test_gradients_reach_every_parameter(injection: type) -> None:
    vae = vaex(injection)
    terms = vae.elbo_terms(*batch())
    (-terms.elbo).mean().backward()
    assert [name for name, p in vae.named_parameters() if p.grad is None or not p.grad.any()] == []


@pytest.mark.parametrize("injection", [AdaIN, Concatenation])
def test_coordinates_give_back_what_the_posterior_draws(injection: type) -> None:
    vae, (x, xi) = vaex(injection).double().eval(), (t.double() for t in batch())
    observed = vae.observe(x, xi)
    output = vae.descend(observed.top.mean, xi, lambda i, d, prior: prior.plus(vae.difference(i, d, observed)).mean)
    u = vae.encode(x, xi)
    assert u.shape == (5, vae.latent_dim) and [tuple(p.shape[1:]) for p in vae.split(u)] == vae.latents
    for back in (vae.decode(u, xi), vae.reconstruct(x, xi)):
        assert torch.allclose(back, vae.likelihood.mean(output), atol=1e-10)


def test_rows_are_independent() -> None:
    vae, (x, xi) = vaex().eval(), batch()
    u = vae.encode(x, xi)
    assert torch.allclose(vae.encode(x[2:3], xi[2:3]), u[2:3], atol=1e-5)
    assert torch.allclose(vae.decode(u[2:3], xi[2:3]), vae.decode(u, xi)[2:3], atol=1e-5)


def test_probabilities_are_drawn_to_the_middle() -> None:
    p = torch.tensor([0.0, 1e-4, 0.5, 0.9, 1.0], dtype=torch.float64)
    f = lambda p: 0.5 * (p.sqrt() - (1 - p).sqrt() + 1)  # noqa: E731
    assert torch.allclose(centred(p), f(f(p)))
    assert centred(p)[[0, 2, 4]].tolist() == pytest.approx([0, 0.5, 1])
    assert centred(p)[1] > 0.02
    logits = torch.tensor([[2.0, 0.0, -1.0]])
    assert torch.allclose(condition(logits), centred(logits.softmax(1))[:, :2])
    assert condition_of_class(torch.tensor([1, 2]), 3).tolist() == [[0, 1], [0, 0]]


def test_patches_are_stacked_and_laid_out_again() -> None:
    vae = vaex(patch=2)
    assert vae.latents == [(4, 1, 1), (3, 2, 2), (2, 3, 3)] and vae.decode(vae.encode(*batch()), batch()[1]).shape[
        1:
    ] == (1, 12, 10)


def test_what_does_not_fit_is_named() -> None:
    with pytest.raises(InputError, match="top latent has 4 channels, but 10 classes need 9"):
        vaex(num_classes=10)
    with pytest.raises(InputError, match="as many levels"):
        vaex(widths=[8, 8])
    with pytest.raises(InputError, match=r"12×10 cannot be cut into patches of 4"):
        vaex(patch=4)
    with pytest.raises(InputError, match="too many for these images"):
        vaex(widths=[4] * 6, latent_channels=[1] * 6)
    with pytest.raises(InputError, match=r"not samples of shape \(3,\)"):
        HierarchicalVAE([3], 2)
    with pytest.raises(InputError, match="at least two classes"):
        vaex(num_classes=1)
