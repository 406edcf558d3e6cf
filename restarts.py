"""Jobs that torchrun or SLURM start again after a rank has died."""

import os
from collections.abc import MutableMapping
from pathlib import Path

from networks.errors import InputError


def go_on_from(folder: Path, environment: MutableMapping[str, str] = os.environ) -> str | None:
    """The last checkpoint of this very job, where it has been started again; ``None`` where it has not, or left none.

    A job's first start leaves ``.started``: a ``last.ckpt`` that is older is another training's.
    """
    counts = [
        environment[name] for name in ("TORCHELASTIC_RESTART_COUNT", "SLURM_RESTART_COUNT") if name in environment
    ]
    started, last = folder / ".started", folder / "last.ckpt"
    if not any(map(int, counts)):
        if counts and is_first(environment):
            folder.mkdir(parents=True, exist_ok=True)
            started.touch()
        return None
    if not (started.exists() and last.exists()) or last.stat().st_mtime < started.stat().st_mtime:
        return None
    if is_first(environment):
        print(f"Started again: going on from {last}")
    return str(last)


def is_first(environment: MutableMapping[str, str]) -> bool:
    """Whether this process will be rank zero; torchrun says so, SLURM does, or what started the other ranks."""
    names = ("RANK",) if "RANK" in environment else ("SLURM_PROCID", "NODE_RANK", "LOCAL_RANK")
    return all(environment.get(name, "0") == "0" for name in names)


def take_a_fresh_store(environment: MutableMapping[str, str] = os.environ) -> None:
    """Meet the other ranks where no dead ones have left their addresses.

    torchrun starts ranks again into the store of the first start, and they then call those that are gone: at times
    they connect, at times they hang (pytorch/pytorch#135712).

    Raises:
        InputError: restarts over several nodes, of which torchrun must be told itself.
    """
    shared = environment.get("TORCHELASTIC_USE_AGENT_STORE") == "True"
    if not shared or not int(environment.get("TORCHELASTIC_MAX_RESTARTS", "0")):
        return
    if int(environment.get("GROUP_WORLD_SIZE", "1")) > 1:
        raise InputError(
            f"torchrun is to restart up to {environment['TORCHELASTIC_MAX_RESTARTS']} times, and over several nodes "
            "its restarts hang, because ranks find the addresses of dead ones: put "
            "TORCH_DISABLE_SHARE_RDZV_TCP_STORE=1 in front of torchrun on every node, or leave --max-restarts out"
        )
    if count := int(environment["TORCHELASTIC_RESTART_COUNT"]):
        environment["TORCHELASTIC_USE_AGENT_STORE"] = "False"
        environment["MASTER_PORT"] = str(int(environment["MASTER_PORT"]) + count)
