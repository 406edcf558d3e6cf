"""Jobs that torchrun or SLURM start again after a rank has died."""

import os
from collections.abc import MutableMapping
from pathlib import Path

from networks.errors import InputError


def go_on_from(folder: Path, environment: MutableMapping[str, str] = os.environ) -> str | None:
    """The newest checkpoint of this very job, where it has been started again; ``None`` where it has not, or left none.

    A job's first start leaves ``.started``: what is older is another training's.

    Raises:
        InputError: a SLURM job's first start finds a checkpoint of an earlier one, which Lightning would go on from.
    """
    counts = [
        environment[name] for name in ("TORCHELASTIC_RESTART_COUNT", "SLURM_RESTART_COUNT") if name in environment
    ]
    if "SLURM_JOB_ID" in environment and "SLURM_RESTART_COUNT" not in environment:
        counts.append("0")  # SLURM counts from the first restart on
    if not any(map(int, counts)):
        if "SLURM_JOB_ID" in environment and (earlier := sorted(folder.glob("hpc_ckpt_*.ckpt"))):
            raise InputError(
                f"{earlier[-1]} is of an earlier SLURM job: pass --ckpt_path hpc to go on from it, or delete it to "
                "train anew"
            )
        if counts and is_first(environment):
            folder.mkdir(parents=True, exist_ok=True)
            (folder / ".started").touch()
        return None
    newest = _newest(folder)
    if newest is not None and is_first(environment):
        print(f"Started again: going on from {newest}")
    return None if newest is None else str(newest)


def _newest(folder: Path) -> Path | None:
    """Of last.ckpt and of what SLURM's requeueing saves, since the job's first start."""
    if not (folder / ".started").exists():
        return None
    started = (folder / ".started").stat().st_mtime
    ages = {file: file.stat().st_mtime for file in (*folder.glob("last.ckpt"), *folder.glob("hpc_ckpt_*.ckpt"))}
    return max((file for file, age in ages.items() if age >= started), key=lambda file: ages[file], default=None)


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
