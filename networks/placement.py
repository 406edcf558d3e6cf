"""Where a network's weights are, and in which type."""

from collections.abc import Iterator, Sequence
from itertools import chain

import torch
from torch import Tensor, nn


def tensors_of(network: nn.Module) -> Iterator[Tensor]:
    """Parameters, then buffers."""
    return chain(network.parameters(), network.buffers())


def device_of(network: nn.Module) -> torch.device:
    """Of the first parameter or buffer; the CPU where there is none.

    Not that of the LightningModule around it: Lightning names a module's device before ``setup`` and moves the
    weights after it.
    """
    return next((t.device for t in tensors_of(network)), torch.device("cpu"))


def dtype_of(network: nn.Module) -> torch.dtype:
    """Of the first parameter or buffer that holds real numbers; float32 where there is none."""
    return next((t.dtype for t in tensors_of(network) if t.is_floating_point()), torch.float32)


def blank(network: nn.Module, shape: Sequence[int]) -> Tensor:
    """One sample of zeros, 1×``shape``, where the network's weights are and of their type: to try the network on."""
    return torch.zeros(1, *shape, device=device_of(network), dtype=dtype_of(network))


def misplaced(network: nn.Module, x: Tensor) -> str | None:
    """What is wrong with the device or type of a network for x, as a sentence; ``None`` where both agree.

    Under autocast types may differ.
    """
    devices = {t.device for t in tensors_of(network)}
    if devices - {x.device}:
        where = " and ".join(sorted(map(str, devices)))
        return f"its weights are on {where} and the samples on {x.device}: move the one to the other with .to(device)"
    types = {t.dtype for t in network.parameters() if t.is_floating_point()}
    if types - {x.dtype} and not torch.is_autocast_enabled(x.device.type):
        what = " and ".join(sorted(map(str, types)))
        return f"its weights are {what} and the samples {x.dtype}: call .float() on both"
    return None
