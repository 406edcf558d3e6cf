"""Trainings that are killed, or whose disk is full, and what is in their folders afterwards.

python -m benchmarks.robustness.fit_kills --random 30

Trains configs/digits/classifier.yaml to its end, then again and again: killed with SIGKILL at random moments, killed
at every file operation of its checkpoints, and with a disk that is full at every one of them. After each, whatever
has a checkpoint's name must load; then the documented command goes on, and must come to the same weights, bit for bit.
TMPDIR is set to another file system, where there is one (``--other``).
"""

import argparse
import os
import random
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

import train
from command_line import run
from lightning_modules.checkpoints.checkpoint import read

CONFIG = Path(__file__).parents[2] / "configs" / "digits" / "classifier.yaml"
QUIET = ["--trainer.enable_progress_bar=false", "--trainer.enable_model_summary=false", "--trainer.logger=false"]
NAMES = ("best.ckpt", "last.ckpt")


class FaultyFiles:
    """Counts what is done with files by whoever writes them whole, and does something at the nth."""

    def __init__(self, at: int, fault: Callable[[], None]) -> None:
        self.done, self.at, self.fault = 0, at, fault
        for place, name in ((Path, "write_bytes"), (Path, "replace"), (Path, "unlink"), (os, "open"), (os, "fsync")):
            setattr(place, name, self._counted(getattr(place, name), name))

    def _counted(self, original: Callable[..., Any], name: str) -> Callable[..., Any]:
        def operation(*args: Any, **kwargs: Any) -> Any:
            self.done += 1
            if self.done == self.at:
                if name == "write_bytes":  # half of it is there
                    original(args[0], bytes(args[1])[: len(args[1]) // 2])
                self.fault()
            return original(*args, **kwargs)

        return operation


def kill() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def full_disk() -> None:
    raise OSError(28, "No space left on device")


def start(folder: Path, epochs: int, *more: str, before: Callable[[], Any] = lambda: None) -> int:
    """A training in a process of its own, which has everything imported; its number."""
    process = os.fork()
    if process:
        return process
    nowhere = os.open(folder.with_suffix(".log"), os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(nowhere, 1)
    os.dup2(nowhere, 2)
    before()
    arguments = [f"--config={CONFIG}", *QUIET, f"--trainer.max_epochs={epochs}", f"--trainer.default_root_dir={folder}"]
    sys.argv = ["train.py", "fit", *arguments, *more]
    code = 0
    try:
        run(train.main)
    except SystemExit as stop:
        code = 1 if isinstance(stop.code, str) else stop.code or 0
    os._exit(code)


def wait(process: int) -> int:
    return os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])


def names(folder: Path) -> dict[str, Any]:
    """Every checkpoint's name and content; raises where one does not load."""
    return {file.name: read(file) for file in folder.glob("*.ckpt")} if folder.is_dir() else {}


def go_on(folder: Path, epochs: int) -> int:
    """As docs/clusters.md has it."""
    last = folder / "last.ckpt"
    return wait(start(folder, epochs, *([f"--ckpt_path={last}"] if last.exists() else [])))


def same(whole: dict[str, Any], other: dict[str, Any]) -> bool:
    """Whether all weights of both checkpoints are equal, bit for bit."""
    weights = [
        (whole[name]["state_dict"][key], other[name]["state_dict"][key])
        for name in NAMES
        for key in whole[name]["state_dict"]
    ]
    return all(torch.equal(a, b) for a, b in weights)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--random", type=int, default=30, help="kills at random moments")
    parser.add_argument("--epochs", type=int, default=12, help="of those trainings; the others take two")
    parser.add_argument("--other", default="/dev/shm", help="TMPDIR")
    args = parser.parse_args()
    if Path(args.other).is_dir():
        os.environ["TMPDIR"] = args.other
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory(dir=Path.cwd()) as home:
        at_random_moments(Path(home), args.random, args.epochs)
        at_every_operation(Path(home), "kill", kill)
        at_every_operation(Path(home), "full disk", full_disk)


def at_random_moments(home: Path, kills: int, epochs: int) -> None:
    begin = time.perf_counter()
    if wait(start(home / "whole", epochs)):
        sys.exit((home / "whole.log").read_text())
    lasts, whole, rng = time.perf_counter() - begin, names(home / "whole"), random.Random(0)
    hit = equal = kept = 0
    for n in range(kills):
        folder = home / f"random-{n}"
        process = start(folder, epochs)
        time.sleep(rng.uniform(0, lasts))
        os.kill(process, signal.SIGKILL)
        hit += wait(process) == -signal.SIGKILL
        kept += len(names(folder)) > 0
        equal += go_on(folder, epochs) == 0 and same(whole, names(folder))
    print(
        f"random moments of {lasts:.1f} s: {hit} of {kills} hit, {kept} had a checkpoint, {equal} end as the whole run"
    )


def at_every_operation(home: Path, name: str, fault: Callable[[], None]) -> None:
    wait(start(home / f"{name}-whole", 2))
    whole, n, stopped, equal = names(home / f"{name}-whole"), 0, True, 0
    found: dict[str, int] = {}
    while stopped:
        n += 1
        folder = home / f"{name}-{n}"
        stopped = wait(start(folder, 2, before=lambda n=n: FaultyFiles(n, fault))) != 0
        loaded = names(folder)
        key = ", ".join(f"{k} of epoch {v['epoch']}" for k, v in sorted(loaded.items())) or "no checkpoint"
        found[key] = found.get(key, 0) + 1
        equal += go_on(folder, 2) == 0 and same(whole, names(folder))
    print(f"{name} at each of {n - 1} file operations: all names load, {equal - 1} end as the whole run")
    for key, count in found.items():
        print(f"  {count:3} times {key}")


if __name__ == "__main__":
    main()
