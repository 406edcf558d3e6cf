"""Attributions that need the gradient at the input alone."""

import torch
from torch import Tensor, nn

from attributions.attribution import asking, by_pixel, captum, outputs_of
from networks.checks import finite, positive, whole
from networks.errors import InputError


class GradientTimesInput:
    """x ⊙ ∂f_t/∂x: what each pixel adds, to first order, to a black one (Shrikumar et al. 2016)."""

    def maps(self, predictor: nn.Module, x: Tensor, target: Tensor | None) -> Tensor:
        return by_pixel(captum().InputXGradient(outputs_of(predictor, target)).attribute(asking(x), target=target))


class IntegratedGradients:
    """(x − b) ⊙ ∫₀¹ ∂f_t/∂x (b + s (x − b)) ds, which adds up to f_t(x) − f_t(b) (Sundararajan et al. 2017, eq. 1).

    Args:
        steps: of the integral, by Gauss and Legendre; a gradient each.
        baseline: b, one grey value for all pixels.

    Raises:
        InputError: a number out of its range.
    """

    def __init__(self, steps: int = 32, baseline: float = 0.0) -> None:
        InputError.collect(whole(2, steps=steps) + finite(baseline=baseline))
        self.steps, self.baseline = steps, baseline

    def maps(self, predictor: nn.Module, x: Tensor, target: Tensor | None) -> Tensor:
        own = captum().IntegratedGradients(outputs_of(predictor, target))
        base = torch.full_like(x, self.baseline)
        # A step at a time: all of them together would take ``steps`` times the memory.
        return by_pixel(own.attribute(asking(x), base, target, n_steps=self.steps, internal_batch_size=len(x)))


class SmoothGrad:
    """|E ∂f_t/∂x (x + ε)|, ε ~ N(0, σ²) (Smilkov et al. 2017, eq. 2): how strongly, not in which direction.

    The draws are the same for every image, so that a map does not depend on its neighbours in the batch.

    Args:
        samples: draws of ε; a gradient each.
        noise: σ, in the units of x.
        seed: of the draws.

    Raises:
        InputError: a number out of its range.
    """

    def __init__(self, samples: int = 16, noise: float = 0.1, seed: int = 0) -> None:
        InputError.collect(whole(1, samples=samples) + positive(noise=noise) + whole(0, seed=seed))
        self.samples, self.noise, self.seed = samples, noise, seed

    def maps(self, predictor: nn.Module, x: Tensor, target: Tensor | None) -> Tensor:
        own = captum().Saliency(outputs_of(predictor, target))
        generator = torch.Generator().manual_seed(self.seed)
        total = torch.zeros_like(x)
        for _ in range(self.samples):
            noise = self.noise * torch.randn(x.shape[1:], generator=generator).to(x)
            total += own.attribute(asking(x + noise), target=target, abs=False).detach()
        return by_pixel(total.abs() / self.samples)
