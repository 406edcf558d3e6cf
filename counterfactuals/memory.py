"""What memory was taken, and what to say where it does not suffice."""

import resource
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import torch

from counterfactuals.engine import out_of_memory


def most_memory(device: torch.device) -> dict[str, str]:
    """The most that this process has held at a time: ``memory``, and ``GPU memory`` where the device is one."""
    unit = 1 if sys.platform == "darwin" else 1024  # of ru_maxrss
    taken = {"memory": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit}
    if device.type == "cuda":
        taken["GPU memory"] = torch.cuda.max_memory_allocated(device)
    return {what: f"{size / 1e9:.1f} GB" for what, size in taken.items()}


@contextmanager
def advising(advice: str) -> Iterator[None]:
    """Note what to lower on an error for want of memory that is raised inside; the innermost advice counts."""
    try:
        yield
    except (RuntimeError, MemoryError) as error:
        if lacks_memory(error) and not hasattr(error, "__notes__"):
            error.add_note(advice)
        raise


def lacks_memory(error: BaseException) -> bool:
    """Whether a device's memory, or the machine's, did not suffice."""
    return isinstance(error, MemoryError) or (isinstance(error, RuntimeError) and out_of_memory(error))


def shortage(error: BaseException, otherwise: str) -> str:
    """A sentence on such an error: what was asked for, and the advice that it was given, or the other one."""
    asked = str(error).replace("[enforce fail at", "").split(". GPU")[0].splitlines() or [type(error).__name__]
    return f"out of memory: {getattr(error, '__notes__', [otherwise])[0]} ({asked[0].strip()})"
