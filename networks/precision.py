"""What float32 means: on a GPU not always what it says."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import wraps
from typing import Any, NamedTuple

import torch

cudnn, cublas = torch.backends.cudnn, torch.backends.cuda.matmul


def no_tf32() -> AbstractContextManager[None]:
    """Products and convolutions of float32 in float32 inside, on a GPU, too; the switches are as they were afterwards.

    torch lets cuDNN convolve in TF32, which has ten bits of mantissa, unless told otherwise: a flow of sixteen steps
    then gives images back up to 7e-4 instead of 2e-7, and its z depend on it in the third digit.
    """
    return _tf32(False)


def with_tf32() -> AbstractContextManager[None]:
    """Both in TF32 inside, where the GPU has it."""
    return _tf32(True)


@contextmanager
def _tf32(allowed: bool) -> Iterator[None]:
    before = _switches()
    _turn([(cudnn, "allow_tf32", allowed), (cublas, "allow_tf32", allowed)])
    try:
        yield
    finally:
        _turn(before)


class Coarse(NamedTuple):
    """What gradients may be taken in that are confirmed in float32 afterwards.

    Attributes:
        bf16: bfloat16, by autocast.
        tf32: TF32, on a GPU that has it.
    """

    bf16: bool = False
    tf32: bool = False

    @property
    def any(self) -> bool:
        return self.bf16 or self.tf32

    def products(self) -> AbstractContextManager[None]:
        """For the way there and the way back."""
        return with_tf32() if self.tf32 else nullcontext()

    def autocast(self, device: torch.device) -> torch.autocast:
        """For the way there."""
        return torch.autocast(device.type, torch.bfloat16, enabled=self.bf16)


FLOAT32 = Coarse()


def uses_tf32() -> bool:
    """Whether a GPU would round float32 in convolutions or products now."""
    return any(value in (True, "tf32") for _, _, value in _switches())


Switch = tuple[Any, str, Any]


def _switches() -> list[Switch]:
    """Where each switch is, its name, and how it stands."""
    try:
        return [(place, "allow_tf32", place.allow_tf32) for place in (cudnn, cublas)]
    except RuntimeError:  # torch 2.9 and later refuse to answer by this name where the new one was used
        new: list[Any] = [cudnn.conv, cudnn.rnn, cublas]  # type: ignore[attr-defined]
        return [(place, "fp32_precision", place.fp32_precision) for place in new]


def _turn(switches: list[Switch]) -> None:
    for place, name, value in switches:
        setattr(place, name, value)


@contextmanager
def exact(device: torch.device) -> Iterator[None]:
    """Float32 without autocast and without TF32 inside: for what is measured, confirmed, or must be invertible."""
    with torch.autocast(device.type, enabled=False), no_tf32():
        yield


def without_autocast(function: Callable[..., Any]) -> Callable[..., Any]:
    """A function whose first argument is a tensor, in the types of its arguments whatever autocast says.

    Under autocast a product of orthogonal matrices is orthogonal to two digits.
    """

    @wraps(function)
    def call(x: torch.Tensor, *args: Any, **kwargs: Any) -> Any:
        with torch.autocast(x.device.type, enabled=False):
            return function(x, *args, **kwargs)

    return call


def forward_without_autocast(forward: Callable[..., Any]) -> Callable[..., Any]:
    """An invertible layer's ``forward`` in the type of its input whatever autocast says.

    Autocast multiplies in bfloat16 there and back, and what comes back is off by 1e-2. The layers that mix channels are
    cheap beside the couplings' networks, which stay under autocast: a coupling computes the same s and t both
    ways, and inverts them exactly.
    """

    @wraps(forward)
    def call(self: Any, x_or_z: Any, *args: Any, **kwargs: Any) -> Any:
        device = x_or_z[0].device.type
        if not torch.is_autocast_enabled(device):
            return forward(self, x_or_z, *args, **kwargs)
        with torch.autocast(device, enabled=False):
            return forward(self, x_or_z, *args, **kwargs)

    return call
