"""Command lines on several ranks, in processes of their own."""

import contextlib
import os
import socket
import subprocess
import sys
from pathlib import Path

from tests.support.runs import ROOT

#: not the W&B service of this process, which outlives the script
ENVIRONMENT = {**{k: v for k, v in os.environ.items() if k != "WANDB_SERVICE"}, "OMP_NUM_THREADS": "1"}


def free_port() -> int:
    with contextlib.closing(socket.socket()) as s:
        s.bind(("localhost", 0))
        return s.getsockname()[1]


def torchrun(
    ranks: int, script: Path, *args: str, timeout: float = 240, restarts: int = 0
) -> subprocess.CompletedProcess:
    """As a user would; the script's arguments come last."""
    launcher = [
        sys.executable,
        "-m",
        "torch.distributed.run",
        f"--nproc-per-node={ranks}",
        f"--max-restarts={restarts}",
    ]
    rendezvous = ["--rdzv-backend=c10d", f"--rdzv-endpoint=localhost:{free_port()}"]
    return subprocess.run(
        [*launcher, *rendezvous, str(script), *args],
        capture_output=True,
        text=True,
        timeout=timeout,
        env={**ENVIRONMENT, "PYTHONPATH": str(ROOT)},
        check=False,
    )
