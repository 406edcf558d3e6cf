"""Variational autoencoders, with Householder flows as posteriors."""

import math
from collections.abc import Sequence
from math import prod
from typing import NamedTuple

import torch
from torch import Tensor, nn

from networks.autoencoders.conv import ConvDecoder, ConvEncoder
from networks.autoencoders.likelihoods import Bernoulli, Likelihood
from networks.checks import each, whole
from networks.errors import InputError
from networks.flows.linear.householder import reflect_each
from networks.mlp import gated_mlp


class Posterior(NamedTuple):
    """q(z|x): z = H_T ⋯ H₁ z₀ of z₀ ~ N(mean, diag σ²).

    Attributes:
        mean, log_sigma: of z₀, B×D each.
        v: vectors of the reflections, B×T×D; ``None`` for none.
    """

    mean: Tensor
    log_sigma: Tensor
    v: Tensor | None

    def at(self, noise: Tensor) -> Tensor:
        """z = H_T ⋯ H₁ (mean + σ · noise), B×D; or S×B×D for several z a sample."""
        z0 = self.mean + self.log_sigma.exp() * noise
        if self.v is None:
            return z0
        with torch.autocast(z0.device.type, enabled=False):  # bfloat16 has three digits
            return reflect_each(self.v, z0)

    def expectation(self) -> Tensor:
        """E[z|x] = H_T ⋯ H₁ mean, B×D."""
        return self.at(torch.zeros_like(self.mean))

    def kl(self) -> Tensor:
        """KL(q(z|x) ‖ N(0, I)) in nats by the coordinates of z₀, B×D.

        That of z₀'s diagonal Gaussian: a reflection changes neither log q, as |det H| = 1, nor
        log p(z) = −½‖z‖² + const, as ‖Hz‖ = ‖z‖.
        """
        return 0.5 * (self.mean.square() + (2 * self.log_sigma).exp() - 1) - self.log_sigma


class Terms(NamedTuple):
    """The evidence lower bound is their difference, the second summed.

    Attributes:
        reconstruction: log p(x|z) of one z ~ q(z|x), B, in nats.
        kl: see ``Posterior.kl``, B×D.
    """

    reconstruction: Tensor
    kl: Tensor

    @property
    def elbo(self) -> Tensor:
        """B, in nats."""
        return self.reconstruction - self.kl.sum(1)


class VAE(nn.Module):
    """log p(x) ≥ E_q(z|x) log p(x|z) − KL(q(z|x) ‖ p(z)), p(z) = N(0, I) (Kingma & Welling 2014, eq. 3).

    With T > 0 the posterior is a Householder flow (Tomczak & Welling 2016, arXiv 1611.09630): z₀ of a
    diagonal Gaussian is reflected T times, so that z has a full covariance matrix, at vectors that the
    encoder gives: v₁ linear in its features, v_t linear in v_{t−1}.

    Args:
        encoder: x of B×``shape`` → features h of B×``features``.
        decoder: z of B×D → B×``shape``, unbounded; what it means is the likelihood's business.
        shape: of one sample.
        latent_dim: D.
        features: values in h.
        likelihood: p(x|z); ``Bernoulli`` unless given.
        num_reflections: T.

    Raises:
        InputError: a negative number of reflections.
    """

    def __init__(
        self,
        encoder: nn.Module,
        decoder: nn.Module,
        shape: Sequence[int],
        latent_dim: int,
        features: int,
        likelihood: Likelihood | None = None,
        num_reflections: int = 0,
    ) -> None:
        super().__init__()
        InputError.collect(
            whole(1, latent_dim=latent_dim, features=features) + whole(0, num_reflections=num_reflections)
        )
        self.encoder, self.decoder = encoder, decoder
        self.shape, self.latent_dim = tuple(shape), latent_dim
        self.likelihood = likelihood or Bernoulli()
        self.mean, self.log_sigma = nn.Linear(features, latent_dim), nn.Linear(features, latent_dim)
        fan_in = [features, *[latent_dim] * num_reflections]
        self.reflections = nn.ModuleList(nn.Linear(n, latent_dim) for n in fan_in[:num_reflections])

    def posterior(self, x: Tensor) -> Posterior:
        """q(z|x) of x of B×``shape``."""
        h = self.encoder(x)
        # bfloat16 has three digits: too few for a KL divergence.
        with torch.autocast(x.device.type, enabled=False):
            h = h.to(self.mean.weight)
            vectors: list[Tensor] = []
            for layer in self.reflections:
                vectors.append(layer(vectors[-1] if vectors else h))
            return Posterior(self.mean(h), self.log_sigma(h), torch.stack(vectors, 1) if vectors else None)

    def rsample(self, posterior: Posterior, generator: torch.Generator | None = None) -> Tensor:
        """z ~ q(z|x) of B×D, differentiable."""
        return posterior.at(_noise(posterior, 1, generator)[0])

    def encode(self, x: Tensor) -> Tensor:
        """E[z|x], reflected where the posterior is; B×D."""
        return self.posterior(x).expectation()

    def decode(self, z: Tensor) -> Tensor:
        """E[x|z] of B×``shape``, in the data's range."""
        return self.likelihood.mean(self.decoder(z).to(z))

    def forward(self, x: Tensor) -> Tensor:
        """decode(encode(x)), B×``shape``."""
        return self.decode(self.encode(x))

    def sample(self, n: int, temperature: float = 1.0, generator: torch.Generator | None = None) -> Tensor:
        """E[x|z] of n draws z ~ N(0, temperature²), by a generator on the CPU; n×``shape``."""
        z = torch.randn(n, self.latent_dim, generator=generator).to(self.mean.weight)
        return self.decode(temperature * z)

    def elbo_terms(
        self, x: Tensor, generator: torch.Generator | None = None, posterior: Posterior | None = None
    ) -> Terms:
        """Both terms of the bound, with one z a sample; x of B×``shape`` in the likelihood's range.

        The generator is of x's device; the default one unless given. The posterior is x's, where it is known.
        """
        posterior = posterior or self.posterior(x)
        output = self.decoder(self.rsample(posterior, generator))
        return Terms(self.likelihood.log_prob(x, output), posterior.kl())

    @torch.no_grad()
    def log_likelihood(
        self, x: Tensor, samples: int, chunk: int = 4096, generator: torch.Generator | None = None
    ) -> Tensor:
        """log 1/S Σ_s p(x|z_s) p(z_s) / q(z_s|x), z_s ~ q(z|x); B, in nats.

        A bound that is tighter than the evidence lower bound, and log p(x) for S → ∞ (Burda et al. 2016,
        *Importance Weighted Autoencoders*, eq. 8 and theorem 1). For evaluation mode: likelihoods that learn
        from what they see would learn here, too.

        Args:
            x: B×``shape``.
            samples: S.
            chunk: z decoded at once, at least one a sample of x.
            generator: of x's device.
        """
        posterior, at_once = self.posterior(x), max(1, chunk // len(x))
        counts = [min(at_once, samples - done) for done in range(0, samples, at_once)]
        log_weights = torch.cat([self._log_weights(x, posterior, n, generator) for n in counts])
        return log_weights.logsumexp(0) - math.log(samples)

    def _log_weights(self, x: Tensor, posterior: Posterior, n: int, generator: torch.Generator | None) -> Tensor:
        """log p(x|z) + log p(z) − log q(z|x) of n z a sample, n×B."""
        noise = _noise(posterior, n, generator)
        z = posterior.at(noise)
        output = self.decoder(z.flatten(0, 1))
        log_p_x = self.likelihood.log_prob(x.repeat(n, *[1] * (x.ndim - 1)), output).view(n, -1)
        log_q = -0.5 * noise.square().sum(2) - posterior.log_sigma.sum(1)  # both without ½ D log 2π
        return log_p_x - 0.5 * z.square().sum(2) - log_q


def _noise(posterior: Posterior, n: int, generator: torch.Generator | None) -> Tensor:
    """n draws of N(0, I) a sample, n×B×D."""
    mean = posterior.mean
    return torch.randn(n, *mean.shape, generator=generator, dtype=mean.dtype, device=mean.device)


class ConvVAE(VAE):
    """Of images C×H×W of any size.

    The cVAE of Dombrowski et al. has widths 8, 16, 32 and D = 10 for MNIST, 32 … 512 and D = 128 for CelebA.

    Args:
        shape: ``[C, H, W]`` of one image.
        widths: channels of the stages, each of which halves the resolution.
        latent_dim: D.
        likelihood, num_reflections: see ``VAE``.
        features: values in h.

    Raises:
        InputError: samples that are no images, or no stage.
    """

    def __init__(
        self,
        shape: Sequence[int],
        widths: Sequence[int] = (8, 16, 32),
        latent_dim: int = 10,
        likelihood: Likelihood | None = None,
        num_reflections: int = 0,
        features: int = 128,
    ) -> None:
        InputError.collect(whole(1, latent_dim=latent_dim, features=features))
        encoder = nn.Sequential(ConvEncoder(shape, widths, features), nn.SiLU())
        decoder = ConvDecoder(shape, widths, latent_dim, nn.Identity())
        super().__init__(encoder, decoder, shape, latent_dim, features, likelihood, num_reflections)


class GatedVAE(VAE):
    """Of samples flattened, by gated linear layers: the network of Tomczak & Welling 2016, section 4.

    Args:
        shape: of one sample.
        hidden: widths of the encoder's layers; the decoder's are the same in reverse.
        latent_dim: D.
        likelihood, num_reflections: see ``VAE``.

    Raises:
        InputError: no hidden layer.
    """

    def __init__(
        self,
        shape: Sequence[int],
        hidden: Sequence[int] = (300, 300),
        latent_dim: int = 40,
        likelihood: Likelihood | None = None,
        num_reflections: int = 0,
    ) -> None:
        if not hidden:
            raise InputError("a gated autoencoder needs at least one hidden layer, e.g. hidden: [300, 300]")
        InputError.collect(each(whole, 1, shape=shape, hidden=hidden) + whole(1, latent_dim=latent_dim))
        encoder = nn.Sequential(nn.Flatten(), gated_mlp([prod(shape), *hidden]))
        out = nn.Sequential(nn.Linear(hidden[0], prod(shape)), nn.Unflatten(1, tuple(shape)))
        decoder = nn.Sequential(gated_mlp([latent_dim, *reversed(hidden)]), out)
        super().__init__(encoder, decoder, shape, latent_dim, hidden[-1], likelihood, num_reflections)
