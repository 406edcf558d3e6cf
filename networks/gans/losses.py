"""What generator and discriminator are after."""

from typing import Protocol

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from networks.checks import not_negative, whole
from networks.errors import InputError


class AdversarialLoss(Protocol):
    """Losses of both, from logits that are positive where the discriminator takes a sample for real."""

    def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        """From the logits of n real samples and n made ones; a scalar."""
        ...

    def generator(self, fake: Tensor) -> Tensor:
        """From the logits of n made samples; a scalar."""
        ...

    def penalty(
        self, discriminator: nn.Module, real: Tensor, fake: Tensor, y: Tensor | None, step: int
    ) -> Tensor | None:
        """On the discriminator's gradient in its input; ``None`` in steps without one."""
        ...


class NonSaturating:
    """softplus(−D(x)) + softplus(D(g(z))), and softplus(−D(g(z))) (Goodfellow et al. 2014), with lazy R1.

    R1 is γ/2 E‖∂D(x)/∂x‖² over real x (Mescheder et al. 2018), taken every so many steps and as many times as much
    (Karras et al. 2020, 3.1).

    Args:
        gamma: γ, 0 for none.
        every: steps.

    Raises:
        InputError: a negative γ, or no step.
    """

    def __init__(self, gamma: float = 1.0, every: int = 8) -> None:
        InputError.collect(not_negative(gamma=gamma) + whole(1, every=every))
        self.gamma, self.every = gamma, every

    def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        return F.softplus(-real).mean() + F.softplus(fake).mean()

    def generator(self, fake: Tensor) -> Tensor:
        return F.softplus(-fake).mean()

    def penalty(
        self, discriminator: nn.Module, real: Tensor, fake: Tensor, y: Tensor | None, step: int
    ) -> Tensor | None:
        if not self.gamma or step % self.every:
            return None
        slope = squared_slope(discriminator, real, y)
        return self.every * self.gamma / 2 * slope.mean()


class Wasserstein:
    """D(g(z)) − D(x), and −D(g(z)), with (‖∂D/∂x‖ − 1)² between real and made samples (Gulrajani et al. 2017, eq. 3).

    The drift term keeps D(x) near zero (Karras et al. 2018, A.1).

    Args:
        weight: λ of the gradient penalty.
        drift: ε of E D(x)².

    Raises:
        InputError: a negative number.
    """

    def __init__(self, weight: float = 10.0, drift: float = 1e-3) -> None:
        InputError.collect(not_negative(weight=weight, drift=drift))
        self.weight, self.drift = weight, drift

    def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        return fake.mean() - real.mean() + self.drift * real.square().mean()

    def generator(self, fake: Tensor) -> Tensor:
        return -fake.mean()

    def penalty(
        self, discriminator: nn.Module, real: Tensor, fake: Tensor, y: Tensor | None, step: int
    ) -> Tensor | None:
        share = torch.rand(len(real), 1, 1, 1, device=real.device)
        between = torch.lerp(real, fake.detach().to(real), share)
        slope = squared_slope(discriminator, between, y).add(1e-12).sqrt()
        return self.weight * (slope - 1).square().mean()


def squared_slope(discriminator: nn.Module, x: Tensor, y: Tensor | None) -> Tensor:
    """‖∂D(x)/∂x‖² of samples x, B, in float32; differentiable in the discriminator's weights."""
    with torch.autocast(x.device.type, enabled=False):
        x = x.detach().float().requires_grad_()
        logits = discriminator(x) if y is None else discriminator(x, y)
        (slope,) = torch.autograd.grad(logits.sum(), x, create_graph=True)
    return slope.square().flatten(1).sum(1)
