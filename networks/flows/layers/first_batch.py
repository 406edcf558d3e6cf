"""Weights that the first training batch sets."""

from collections.abc import Callable

import torch
import torch.distributed as dist
from torch import Tensor, nn


class FirstBatch(nn.Module):
    """Runs a layer's data-dependent start once: at its first batch in training, never in evaluation.

    Whether it has run is a buffer, so that it is saved, copied and averaged together with the
    weights that it speaks of. Reading a buffer waits for the GPU, hence once True it is remembered
    outside.
    """

    initialized: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("initialized", torch.tensor(False))
        self._is_initialized = False

    @torch.no_grad()
    def forward(self, start: Callable[[Tensor], None], x: Tensor) -> None:
        """Call ``start(x)`` if this is the first batch in training."""
        if not self.training or self._is_initialized:
            return
        if not self.initialized:
            start(x.detach())
            self.initialized.fill_(True)
        self._is_initialized = True

    def _load_from_state_dict(self, *args, **kwargs):
        super()._load_from_state_dict(*args, **kwargs)
        self._is_initialized = False


def sum_over_ranks(values: Tensor) -> Tensor:
    """``values`` summed over all ranks, in place; as they are where there is one process."""
    if dist.is_available() and dist.is_initialized():
        dist.all_reduce(values)
    return values
