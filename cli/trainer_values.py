"""Values of Lightning's own flags: those that it takes and should not, and its refusals in one sentence."""

import os
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from pytorch_lightning.utilities.exceptions import MisconfigurationException

from cli.constructors import shorter
from cli.known_classes import nearest
from cli.specs import specs
from cli.wording import shown
from networks.errors import InputError

SEEDS = 2**32
#: classes that others build on, and that are nothing by themselves
BARE = ("Callback", "Chart", "DataModule", "LightningDataModule", "LightningModule", "Module", "Task")
#: what Lightning takes, to divide by it or to take it for another number
NUMBERS: dict[str, tuple[Callable[[float], bool], str]] = {
    "gradient_clip_val": (lambda n: n >= 0, "0 or more, 0 or null for no clipping"),
    "val_check_interval": (lambda n: n > 0, "positive, a share of an epoch or a number of steps"),
    "check_val_every_n_epoch": (lambda n: n >= 1, "a positive whole number"),
    "accumulate_grad_batches": (lambda n: n >= 1, "a positive whole number"),
    "log_every_n_steps": (lambda n: n >= 0, "0 or more, 0 for no logging"),
    "num_sanity_val_steps": (lambda n: n >= -1, "0 or more, or -1 for all batches"),
}
FEW = 4  # processes that any machine may have


def check_run(config: Mapping[str, Any]) -> None:
    """Raise ``InputError`` for a seed, an output folder or a number of processes that cannot be."""
    trainer, seed = config["trainer"], config["seed_everything"]
    problems = _problems_of_folder(trainer["default_root_dir"]) + _problems_of_devices(trainer)
    if not isinstance(seed, bool) and not 0 <= seed < SEEDS:
        problems.append(f"--seed_everything must be a whole number from 0 to {SEEDS - 1}, or false; got {seed}")
    problems += [
        f"--trainer.{name} must be {allowed}; got {trainer[name]}"
        for name, (holds, allowed) in NUMBERS.items()
        if isinstance(trainer[name], (int, float)) and not holds(trainer[name])
    ]
    problems += [
        f"{key} is given without its class: name one with {key} CLASS, or class_path in a config"
        for key, path, _ in specs(config, "--")
        if path.rpartition(".")[2] in BARE
    ]
    InputError.collect(problems)


def _problems_of_folder(folder: Any) -> list[str]:
    name = "--trainer.default_root_dir"
    if not str(folder or "").strip():
        return [f"{name} is empty (got {folder!r}): name the folder that the run writes into, e.g. runs/mine"]
    file = next((p for p in (Path(folder), *Path(folder).parents) if p.exists() and not p.is_dir()), None)
    return [] if file is None else [f"{name} {str(folder)!r} cannot be a folder: {str(file)!r} is a file"]


def _problems_of_devices(trainer: Mapping[str, Any]) -> list[str]:
    gpus = torch.cuda.is_available() or torch.backends.mps.is_available()
    on_cpu = trainer["accelerator"] == "cpu" or (trainer["accelerator"] == "auto" and not gpus)
    cores, devices = os.cpu_count() or 1, str(trainer["devices"])
    if not on_cpu or not re.fullmatch(r"-?\d+", devices) or 1 <= int(devices) <= max(FEW, cores):
        return []
    return [f"--trainer.devices must be from 1 to {max(FEW, cores)} on this machine's {cores} CPU cores; got {devices}"]


def refused_by_trainer(error: Exception, trainer: Mapping[str, Any]) -> InputError:
    """What the Trainer said while it was built, after the flag that it is about."""
    message = shorter(str(error))
    given = {k: v for k, v in dict(trainer).items() if v is not None and k != "callbacks"}
    quoted = [k for k in given if re.search(rf"[`'(]{k}\b|\bfor {k}\b", message)]
    valued = [k for k, v in given.items() if isinstance(v, str) and re.search(rf"\b{re.escape(v)}\b", message)]
    name = next(iter(quoted or valued), None)
    about = "the Trainer's flags" if name is None else f"--trainer.{name} {shown(given[name])}"
    return InputError(f"{about}: {message}")


def unlogged(error: Exception) -> InputError | None:
    """The sentence on a number that a callback watches and nobody logs; ``None`` for other errors."""
    message = str(error)
    watched = re.search(r"monitor='([^']*)'|conditioned on metric `([^`]*)`|on metric ([^ ]*) which is not", message)
    known = re.search(r"\[(.*?)\]|following: (.*?)\s*$|metrics: (.*?)[.\n]", message, re.DOTALL)
    if watched is None or not isinstance(error, (MisconfigurationException, RuntimeError)):
        return None
    name = next(filter(None, watched.groups()))
    names = re.findall(r"[\w/.-]+", next(filter(None, known.groups()), "")) if known else []
    flag = "--checkpoint.monitor" if "ModelCheckpoint" in message else "monitor"
    logged = f"; what is logged is {', '.join(sorted(names))}" if names else ""
    return InputError(f"{flag} {name!r} is no number that this run logs: {nearest(name, names)}{logged}")
