"""VAEX: a hierarchical variational autoencoder, conditional on what a classifier says."""

from collections.abc import Callable, Sequence
from itertools import pairwise
from math import prod
from typing import Any, NamedTuple, Protocol

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from networks.autoencoders.blocks import AdaIN, ResidualBlock, SqueezeExcite, conv_block, doubling_block
from networks.autoencoders.likelihoods import BatchGaussian, Likelihood
from networks.autoencoders.vae import Terms
from networks.errors import InputError

LARGEST = 5.0  # |log σ| that a level can ask for: e^±5


class Normal(NamedTuple):
    """A diagonal Gaussian over the latent of one level, or the posterior's difference Δ to it.

    Attributes:
        mean, log_sigma: B×c×h×w each.
    """

    mean: Tensor
    log_sigma: Tensor

    def at(self, noise: Tensor) -> Tensor:
        """mean + σ · noise."""
        return self.mean + self.log_sigma.exp() * noise

    def plus(self, delta: "Normal") -> "Normal":
        """N(μ + Δμ, σ · Δσ): the residual posterior of NVAE (Vahdat & Kautz 2020, 3.2)."""
        return Normal(self.mean + delta.mean, self.log_sigma + delta.log_sigma)

    def kl_of(self, delta: "Normal") -> Tensor:
        """KL(N(μ + Δμ, σ Δσ) ‖ N(μ, σ)) of every entry, in nats (NVAE, eq. 2; VAEX, II-B)."""
        in_sigmas = delta.mean * (-self.log_sigma).exp()
        return 0.5 * (in_sigmas.square() + (2 * delta.log_sigma).exp() - 1) - delta.log_sigma


class Observed(NamedTuple):
    """What the bottom-up pass sees in x.

    Attributes:
        top: q(z₀|x, ξ).
        hidden: features h of the levels below the top, from the one below it to the lowest.
    """

    top: Normal
    hidden: list[Tensor]


class Injection(Protocol):
    """(channels, shape of the latent above, size) → a module as ``AdaIN``."""

    def __call__(self, channels: int, latent: tuple[int, int, int], size: tuple[int, int]) -> nn.Module: ...


#: (number of the level below the top, features d on its path, its prior) → its latent
Choice = Callable[[int, Tensor, Normal], Tensor]


class HierarchicalVAE(nn.Module):
    """log p(x|ξ) ≥ E_q log p(x|z) − Σ_k KL(q(z_k|x, z_<k) ‖ p(z_k|z_<k)) with a deterministic path d_k beside z_k.

    Vercheval & Pižurica 2021, *Hierarchical Variational Autoencoders for Visual Counterfactuals*. Bottom-up
    features h, and top-down ``d``: at every level below the top the prior of z_k is made of d_k, into which the
    latent above is injected; the posterior adds Δ(h, d_k) to it; and z_k is added to the path. The condition ξ, one
    number for every class but the last, comes as constant channels to x and to z₀, and moves the prior's mean of the
    first channels of z₀ to s·ξ.

    Args:
        shape: ``[C, H, W]`` of one image.
        num_classes: C ≥ 2 of the classifier.
        widths: channels of the features, from the image's size to the smallest; each stage halves it, upwards.
        latent_channels: of the latents, from the lowest level to the top; a latent has half the size of its level's
            features. The top needs at least C − 1.
        injection: how the latent above comes to a prior: ``AdaIN``, or ``Concatenation`` for the paper's VAEXcat.
        likelihood: ``BatchGaussian`` unless given.
        prior_shift: s.
        patch: pixels a side that are stacked into channels before the first stage, for images whose finest detail
            matters less.
        depth: residual layers of a block.

    Attributes:
        latents: channels, height and width of every level's latent, from the top.
        latent_dim: values in all of them.
        condition_dim: C − 1.

    Raises:
        InputError: samples that are no images, sizes that do not fit, or too few latent channels at the top.
    """

    def __init__(
        self,
        shape: Sequence[int],
        num_classes: int,
        widths: Sequence[int] = (16, 32, 64, 128, 256, 512),
        latent_channels: Sequence[int] = (1, 2, 4, 8, 16, 32),
        injection: Injection = AdaIN,
        likelihood: Likelihood | None = None,
        prior_shift: float = 5.0,
        patch: int = 1,
        depth: int = 1,
    ) -> None:
        super().__init__()
        sizes = _sizes(shape, len(widths), patch)
        InputError.collect(_problems(num_classes, widths, latent_channels, sizes))
        self.shape, self.num_classes, self.condition_dim = tuple(shape), num_classes, num_classes - 1
        self.prior_shift, self.patch = prior_shift, patch
        self.latents = [
            (c, _half(height), _half(width)) for c, (height, width) in zip(latent_channels, sizes, strict=True)
        ][::-1]
        self.latent_dim = sum(map(prod, self.latents))
        self.likelihood = likelihood or BatchGaussian(shape)
        stacked, levels = shape[0] * patch**2, len(widths)
        self.first = nn.Conv2d(stacked + self.condition_dim, widths[0], 1)
        self.down = nn.ModuleList(
            ResidualBlock(a, b, size, down=True, depth=depth)
            for (a, b), size in zip(pairwise(widths), sizes[1:], strict=True)
        )
        self.infer_top = _to_latent(widths[-1], latent_channels[-1])
        self.d0 = nn.Parameter(torch.ones(1, widths[-1], *sizes[-1]))
        top = latent_channels[-1] + self.condition_dim
        self.inject_top = _from_latent(top, widths[-1], sizes[-1])
        above = [(top, self.latents[0][1], self.latents[0][2]), *self.latents[1:]]
        self.levels = nn.ModuleList(
            _Level(widths[i + 1], widths[i], sizes[i], above[levels - 2 - i], latent_channels[i], injection, depth)
            for i in reversed(range(levels - 1))
        )
        self.last = conv_block(widths[0], stacked)

    def prior_of_top(self, xi: Tensor) -> Normal:
        """p(z₀|ξ): normal, the mean of channel c moved to s·ξ_c; of ξ of B×(C − 1)."""
        channels, height, width = self.latents[0]
        shift = F.pad(self.prior_shift * xi, (0, channels - self.condition_dim))
        mean = shift[:, :, None, None].expand(-1, -1, height, width)
        return Normal(mean, torch.zeros_like(mean))

    def observe(self, x: Tensor, xi: Tensor) -> Observed:
        """The bottom-up pass; x of B×``shape`` in [0, 1], ξ of B×(C − 1) in [0, 1]."""
        x = F.pixel_unshuffle(x, self.patch)
        h = self.first(torch.cat([x, _constant_channels(xi, x)], 1))
        hidden = []
        for block in self.down:
            hidden.append(h)
            h = block(h)
        return Observed(_normal(self.infer_top(h)), hidden[::-1])

    def descend(self, z0: Tensor, xi: Tensor, choose: Choice) -> Tensor:
        """The top-down pass from z₀, every further latent by ``choose``; the likelihood's output, B×``shape``."""
        z = torch.cat([z0, _constant_channels(xi, z0)], 1)
        d = self.d0 + self.inject_top(z)
        level: Any  # nn.ModuleList's type knows no methods
        for i, level in enumerate(self.levels):
            d = level.up(d)
            z = choose(i, d, level.prior(d, z))
            d = d + level.from_latent(z)
        return F.pixel_shuffle(self.last(d), self.patch)

    def difference(self, i: int, d: Tensor, observed: Observed) -> Normal:
        """Δ(h, d) of level i below the top: what x says beyond the prior."""
        return self.levels[i].difference(d, observed.hidden[i])  # type: ignore[operator]

    def elbo_terms(self, x: Tensor, xi: Tensor, generator: torch.Generator | None = None) -> Terms:
        """Both terms of the bound, with one z a sample; the KL divergences of all levels side by side, B×D."""
        observed, top = self.observe(x, xi), self.prior_of_top(xi)
        z0 = observed.top.at(_noise(observed.top.mean, generator))
        delta = Normal(observed.top.mean - top.mean, observed.top.log_sigma)
        kl = [top.kl_of(delta).flatten(1)]

        def infer(i: int, d: Tensor, prior: Normal) -> Tensor:
            delta = self.difference(i, d, observed)
            kl.append(prior.kl_of(delta).flatten(1))
            return prior.plus(delta).at(_noise(delta.mean, generator))

        output = self.descend(z0, xi, infer)
        return Terms(self.likelihood.log_prob(x, output), torch.cat(kl, 1))

    def encode(self, x: Tensor, xi: Tensor) -> Tensor:
        """u of B×D: the posterior's means, level by level from the top, in standard deviations from the prior's.

        All of u is N(0, I) under the prior; what lies below a level that moves, moves with its prior.
        """
        return self._by_means(x, xi)[0]

    def reconstruct(self, x: Tensor, xi: Tensor) -> Tensor:
        """decode(encode(x, ξ), ξ) in one descent: the mean of x given the posterior's means, B×``shape``."""
        return self.likelihood.mean(self._by_means(x, xi)[1])

    def _by_means(self, x: Tensor, xi: Tensor) -> tuple[Tensor, Tensor]:
        """u of ``encode``, and the likelihood's output there."""
        observed = self.observe(x, xi)
        u = [observed.top.mean - self.prior_of_top(xi).mean]

        def infer(i: int, d: Tensor, prior: Normal) -> Tensor:
            delta = self.difference(i, d, observed)
            u.append(delta.mean * (-prior.log_sigma).exp())
            return prior.mean + delta.mean

        output = self.descend(observed.top.mean, xi, infer)
        return torch.cat([level.flatten(1) for level in u], 1), output

    def decode(self, u: Tensor, xi: Tensor) -> Tensor:
        """E[x|z] of B×``shape`` of u as ``encode`` gives it."""
        top, *below = self.split(u)
        output = self.descend(self.prior_of_top(xi).at(top), xi, lambda i, d, prior: prior.at(below[i]))
        return self.likelihood.mean(output)

    def split(self, u: Tensor) -> list[Tensor]:
        """B×D → the levels' parts from the top, B×c×h×w each."""
        parts = u.split([prod(shape) for shape in self.latents], 1)
        return [part.view(-1, *shape) for part, shape in zip(parts, self.latents, strict=True)]


class _Level(nn.Module):
    """One level below the top: the path to it, its prior, what x adds to that, and what its latent adds to the path."""

    def __init__(
        self,
        c_in: int,
        c: int,
        size: tuple[int, int],
        above: tuple[int, int, int],
        latent_channels: int,
        injection: Injection,
        depth: int,
    ) -> None:
        super().__init__()
        self.up = ResidualBlock(c_in, c, size, down=False, depth=depth)
        self.inject = injection(c, above, size)
        self.to_prior = _to_latent(self.inject.out_channels, latent_channels)  # type: ignore[arg-type]
        self.merge = conv_block(2 * c, c)
        self.to_difference = _to_latent(c, latent_channels)
        self.from_latent = _from_latent(latent_channels, c, size)

    def prior(self, d: Tensor, above: Tensor) -> Normal:
        """p(z_k | d_k, z_{k−1})."""
        return _normal(self.to_prior(self.inject(d, above)))

    def difference(self, d: Tensor, h: Tensor) -> Normal:
        """Δ(h, d)."""
        return _normal(self.to_difference(self.merge(torch.cat([d, h], 1))))


def centred(p: Tensor) -> Tensor:
    """ξ = f(f(p)), f(p) = ½ (√p − √(1 − p) + 1): probabilities drawn from the ends of [0, 1] to its middle (IV)."""
    for _ in range(2):
        p = 0.5 * (p.sqrt() - (1 - p).clamp(min=0).sqrt() + 1)
    return p


def condition(logits: Tensor) -> Tensor:
    """ξ of B×(C − 1) of a classifier's logits B×C."""
    return centred(logits.softmax(1))[:, :-1]


def condition_of_class(y: Tensor, num_classes: int) -> Tensor:
    """ξ under do(class = y), B×(C − 1), of y of B int64; f leaves 0 and 1 as they are."""
    return F.one_hot(y, num_classes)[:, :-1].float()


def _normal(parameters: Tensor) -> Normal:
    # bfloat16 has three digits: too few for a KL divergence.
    mean, log_sigma = parameters.to(torch.promote_types(parameters.dtype, torch.float32)).chunk(2, 1)
    return Normal(mean, LARGEST * (log_sigma / LARGEST).tanh())


def _to_latent(channels: int, latent_channels: int) -> nn.Sequential:
    return conv_block(channels, 2 * latent_channels, stride=2)


def _from_latent(latent_channels: int, channels: int, size: tuple[int, int]) -> nn.Sequential:
    return nn.Sequential(doubling_block(latent_channels, channels, size), SqueezeExcite(channels))


def _constant_channels(xi: Tensor, like: Tensor) -> Tensor:
    return xi[:, :, None, None].expand(-1, -1, *like.shape[2:]).to(like)


def _noise(like: Tensor, generator: torch.Generator | None) -> Tensor:
    return torch.randn(like.shape, generator=generator, dtype=like.dtype, device=like.device)


def _half(n: int) -> int:
    return (n + 1) // 2


def _sizes(shape: Sequence[int], levels: int, patch: int) -> list[tuple[int, int]]:
    """Height and width of the features of every level, from the lowest."""
    if len(shape) != 3:
        raise InputError(f"a hierarchical autoencoder takes images C×H×W, not samples of shape {tuple(shape)}")
    height, width = shape[1:]
    if height % patch or width % patch:
        raise InputError(f"images of {height}×{width} cannot be cut into patches of {patch}: choose a divisor of both")
    sizes = [(height // patch, width // patch)]
    for _ in range(levels - 1):
        sizes.append((_half(sizes[-1][0]), _half(sizes[-1][1])))
    return sizes


def _problems(
    num_classes: int, widths: Sequence[int], latent_channels: Sequence[int], sizes: list[tuple[int, int]]
) -> list[str]:
    problems = []
    if not widths or len(widths) != len(latent_channels):
        problems.append(
            f"widths and latent_channels must name as many levels, at least one; got {list(widths)} and "
            f"{list(latent_channels)}"
        )
    elif latent_channels[-1] < num_classes - 1:
        problems.append(
            f"the top latent has {latent_channels[-1]} channels, but {num_classes} classes need "
            f"{num_classes - 1}: the prior of one is moved for each but the last"
        )
    if num_classes < 2:
        problems.append(f"a classifier has at least two classes; num_classes is {num_classes}")
    if len(sizes) > 1 and min(sizes[-2]) < 2:
        problems.append(f"{len(widths)} levels are too many for these images: the upper ones have a single pixel")
    return problems
