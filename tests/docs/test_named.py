"""What README and docs name exists: programs, configs, and flags of train.py and explain.py."""

import importlib
import inspect
import re
from pathlib import Path

import pytest
import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import EarlyStopping, ModelCheckpoint
from pytorch_lightning.loggers import WandbLogger

from callbacks import BestAndLast, Dashboard
from tests.support.pages import PAGES, commands, name_of
from tests.support.runs import ROOT

PROGRAM = re.compile(r"python -m (benchmarks[\w.]+)|python (benchmarks/[\w/]+\.py)")
CONFIG = re.compile(r"configs/[\w/{},*$]+\.yaml")
SHORT_CONFIG = re.compile(r"`((?:\w+|\*)/\w+\*?\.yaml)`")
FLAG = re.compile(r"--((?:model|data|trainer|wandb|checkpoint|dashboard)(?:\.\w+)+)")
#: of train.py and explain.py that belong to no class
PLAIN = {"--config", "--ckpt_path", "--seed_everything", "--trust"}


def _arguments(*classes: type) -> set[str]:
    return {name for c in classes for base in inspect.getmro(c) for name in _own(base)}


def _own(c: type) -> set[str]:
    try:
        return set(inspect.signature(c.__init__).parameters)
    except ValueError:  # of C
        return set()


def _exported(*packages: str) -> list[type]:
    modules = [importlib.import_module(name) for name in packages]
    return [c for m in modules for c in vars(m).values() if inspect.isclass(c)]


#: first word of a flag → what the others may be
KNOWN = {
    "model": _arguments(*_exported("networks", "networks.flows", "counterfactuals", "lightning_modules"))
    | _arguments(torch.optim.AdamW, *_exported("torch.optim.lr_scheduler")),
    "data": _arguments(*_exported("datamodules")),
    "trainer": _arguments(pl.Trainer, EarlyStopping, *_exported("callbacks")),
    "wandb": _arguments(WandbLogger),
    "checkpoint": _arguments(ModelCheckpoint, BestAndLast),
    "dashboard": _arguments(Dashboard),
}
#: given on purpose where it is wrong, in docs/results
WRONG = {"bad_values.md", "inputs.md"}


def _configs(text: str) -> set[str]:
    """Paths below the repository, braces expanded."""
    found = set(CONFIG.findall(text)) | {f"configs/{name}" for name in SHORT_CONFIG.findall(text)}
    return {each for pattern in found for each in _expanded(pattern)}


def _expanded(pattern: str) -> list[str]:
    braces = re.search(r"\{([^}]*)\}", pattern)
    if braces is None:
        return [pattern]
    return [e for choice in braces[1].split(",") for e in _expanded(pattern.replace(braces[0], choice))]


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_programs_exist(page: Path) -> None:
    for module, file in PROGRAM.findall(page.read_text()):
        path = file or f"{module.rstrip('.').replace('.', '/')}.py"
        assert (ROOT / path).is_file(), f"no program {path}"


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_configs_exist(page: Path) -> None:
    for name in _configs(page.read_text()):
        assert list(ROOT.glob(re.sub(r"\$\w+", "*", name))), f"no config {name}"


@pytest.mark.parametrize("page", [p for p in PAGES if p.name not in WRONG], ids=name_of)
def test_flags_exist(page: Path) -> None:
    for flag in FLAG.findall(page.read_text()):
        first, *others = flag.split(".")
        unknown = [word for word in others if word not in KNOWN[first] | {"init_args", "class_path"}]
        assert not unknown, f"--{flag}: no {unknown[0]}"
    for command in commands(page):
        if "train.py" in command or command.startswith("python explain.py"):
            plain = set(re.findall(r"--\w+(?= |$)", command.partition(".py")[2]))
            assert plain <= PLAIN, f"{plain - PLAIN} in {command}"


def test_a_flag_that_does_not_exist_is_found() -> None:
    assert "max_steps" in KNOWN["model"] and "root" in KNOWN["data"] and "devices" in KNOWN["trainer"]
    assert "maximal_steps" not in KNOWN["model"] and "max_steps" not in KNOWN["data"]
