"""Command lines on several ranks, in processes of their own."""

import contextlib
import os
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import torch
import torch.distributed as dist
import torch.multiprocessing as mp

from tests.support.runs import ROOT

#: not the W&B service of this process, which outlives the script
ENVIRONMENT = {**{k: v for k, v in os.environ.items() if k != "WANDB_SERVICE"}, "OMP_NUM_THREADS": "1"}


def free_port() -> int:
    with contextlib.closing(socket.socket()) as s:
        s.bind(("localhost", 0))
        return s.getsockname()[1]


def on_ranks(n: int, act: Callable[..., None], folder: Path, *args: object) -> None:
    """``act(rank, *args)`` on each of n ranks of a process group: copies of this process, which are made at once."""
    mp.start_processes(_on_rank, (n, act, str(folder / "store"), *args), nprocs=n, start_method="fork")


def _on_rank(rank: int, n: int, act: Callable[..., None], store: str, *args: object) -> None:
    torch.set_num_threads(1)  # OpenMP's threads are not copied, and would be waited for
    dist.init_process_group("gloo", init_method=f"file://{store}", rank=rank, world_size=n)
    act(rank, *args)
    dist.destroy_process_group()


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
