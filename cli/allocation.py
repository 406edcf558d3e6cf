"""Memory that the process has freed, and will want again at once."""

import ctypes
import os
import sys

#: parameters of glibc's mallopt(3)
M_TRIM_THRESHOLD, M_MMAP_MAX = -1, -4


def keep_memory() -> None:
    """Have glibc keep what is freed for the next request instead of giving it back to the kernel.

    By default every large tensor gets pages of its own, which the kernel hands out filled with zeros, and takes back:
    a training on CPUs does that hundreds of times in a step (measured: docs/results/speed.md). What the process had
    at its peak it keeps until it ends. Other C libraries, and whoever sets ``MALLOC_…`` in the environment, are left
    alone.
    """
    if not sys.platform.startswith("linux") or any(name.startswith("MALLOC_") for name in os.environ):
        return
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(M_MMAP_MAX, 0)
        mallopt(M_TRIM_THRESHOLD, -1)
