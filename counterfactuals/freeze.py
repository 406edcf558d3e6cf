"""Borrowing a model for a search without leaving a trace on it."""

from collections.abc import Iterator
from contextlib import contextmanager

from torch import nn


@contextmanager
def frozen(*modules: nn.Module) -> Iterator[None]:
    """Modules in evaluation mode and without parameter gradients inside; as they were afterwards.

    Without it the graph of every step would also hold what parameter gradients need: about a third
    of the work of a step, and memory, for nothing. Frozen TorchScript modules have one mode, and are left in it.
    """
    training = {m: m.training for module in modules for m in module.modules() if hasattr(m, "training")}
    asking = [p for module in modules for p in module.parameters() if p.requires_grad]
    try:
        for module in modules:
            if hasattr(module, "training"):
                module.eval()
        for p in asking:
            p.requires_grad_(False)
        yield
    finally:
        for m, mode in training.items():
            m.training = mode
        for p in asking:
            p.requires_grad_(True)
