import os
import platform
import subprocess
import sys

import pytest

#: maps of the process after a block of 64 MB was taken and freed, whose pages the kernel has back or not
SCRIPT = """
import ctypes
from cli.allocation import keep_memory
keep_memory()
libc = ctypes.CDLL(None)
libc.malloc.restype, libc.malloc.argtypes, libc.free.argtypes = ctypes.c_void_p, [ctypes.c_size_t], [ctypes.c_void_p]
def resident():
    return int(open("/proc/self/statm").read().split()[1]) * 4096
before, block = resident(), libc.malloc(2**26)
ctypes.memset(block, 1, 2**26)
libc.free(block)
print((resident() - before) // 2**20)
"""


@pytest.mark.skipif(not sys.platform.startswith("linux") or platform.libc_ver()[0] != "glibc", reason="glibc's")
@pytest.mark.parametrize(("given", "kept"), [({}, True), ({"MALLOC_ARENA_MAX": "2"}, False)])
def test_freed_memory_stays_unless_the_user_has_decided(given: dict[str, str], kept: bool) -> None:
    said = subprocess.run(
        [sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=True, env={**os.environ, **given}
    )
    assert (int(said.stdout) > 60) == kept
