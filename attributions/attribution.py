"""What every attribution is."""

from collections.abc import Callable
from importlib import import_module
from typing import Any, Protocol

from torch import Tensor, nn

from networks.errors import InputError


class Attribution(Protocol):
    """How much each pixel counts for what a predictor says."""

    def maps(self, predictor: nn.Module, x: Tensor, target: Tensor | None) -> Tensor:
        """Maps of images, B×H×W, detached; of values B×D the values' own, B×D.

        Args:
            predictor: x → logits of B×K, or values; in evaluation mode.
            x: B×C×H×W, or B×D.
            target: classes that are explained, B int64; ``None`` where the predictor returns one value a sample.
        """
        ...


class Saliency(Protocol):
    """Which regions stand out of an image, whatever a model says of it."""

    def maps(self, x: Tensor) -> Tensor:
        """Images B×C×H×W in [0, 1] → maps in [0, 1], B×H×W, on the same device."""
        ...


def by_pixel(attribution: Tensor) -> Tensor:
    """B×C×H×W → B×H×W: what a pixel's channels are worth together; B×D as it is."""
    return attribution.detach().sum(1) if attribution.ndim == 4 else attribution.detach()


def asking(x: Tensor) -> Tensor:
    """A copy of x that gradients are taken at."""
    return x.detach().clone().requires_grad_()


def outputs_of(predictor: nn.Module, target: Tensor | None) -> Callable[[Tensor], Tensor]:
    """x → what is explained: logits, or one value a sample, B."""
    return predictor if target is not None else lambda x: predictor(x).view(len(x))


def captum(module: str = "captum.attr") -> Any:
    """A module of captum's.

    Raises:
        InputError: captum is not installed.
    """
    try:
        return import_module(module)
    except ImportError as error:
        raise InputError("attributions need captum: pip install 'onmanifold[attributions]'") from error
