"""A flow that classifies."""

from collections.abc import Callable
from typing import NamedTuple, Protocol, cast

import torch
from torch import Tensor, nn

from networks.errors import InputError
from networks.flows import Flow


class ClassHead(Protocol):
    """Classes in a flow's latent space, and the density of all of them together.

    Attributes:
        weight, bias: K×D and K, of logits that are affine in z.
    """

    weight: Tensor
    bias: Tensor

    def __call__(self, z: Tensor) -> Tensor:
        """z of B×D → logits of B×K."""
        ...

    def told_apart(self, z: Tensor) -> Tensor:
        """The same logits, for a cross-entropy to train: what it may not move is detached."""
        ...

    def log_prob(self, z: Tensor) -> Tensor:
        """log p(z), B, in nats."""
        ...

    def direction(self, source: Tensor, target: Tensor) -> Tensor:
        """The way from one class to another in Z, of n pairs; n×D."""
        ...

    def sample(self, n: int, temperature: float = 1.0, generator: torch.Generator | None = None) -> Tensor:
        """n points, n×D."""
        ...


class Classified(NamedTuple):
    """What an invertible classifier says of x in training: logits (``told_apart``), B×K, and log p(x), B, in nats."""

    logits: Tensor
    log_prob: Tensor


class InvertibleClassifier(nn.Module):
    """logits = head(f(x)) with a diffeomorphism f: where a class lies is known, and what lies there can be decoded.

    Args:
        flow: f, of any kind that is not conditional.
        head: dim → ``GaussianMixture`` or ``LinearHead``.

    Shapes:
        x of B×``shape`` → logits of B×K.

    Raises:
        InputError: the flow is conditional.
    """

    def __init__(self, flow: Flow, head: Callable[[int], nn.Module]) -> None:
        super().__init__()
        if flow.num_conditions:
            raise InputError(
                "an invertible classifier's flow must know nothing of the class: num_conditions must be 0; got "
                f"{flow.num_conditions}"
            )
        self.flow, self.head = flow, head(flow.dim)
        self.shape, self.dim = flow.shape, flow.dim

    @property
    def classes(self) -> ClassHead:
        """The head, as what it is."""
        return cast(ClassHead, self.head)

    @property
    def num_classes(self) -> int:
        """K."""
        return len(self.classes.bias)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.flow.encode(x))

    def classified(self, x: Tensor) -> Classified:
        """Both answers, at the price of one, for training."""
        z, log_det = self.flow(x)
        return Classified(self.classes.told_apart(z), self.classes.log_prob(z) + log_det)

    def encode_with_log_prob(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """z = f(x), B×D, and log p(x), B, in nats."""
        z, log_det = self.flow(x)
        return z, self.classes.log_prob(z) + log_det

    def sample(self, n: int, temperature: float = 1.0, generator: torch.Generator | None = None) -> Tensor:
        """n images, n×``shape``; of a mixture the classes 0, 1, … in turn."""
        return self.flow.inverse(self.classes.sample(n, temperature, generator))
