"""Hundreds of checkpoints with something changed at random: each is used, or refused in one sentence."""

import copy
import io
import random
from pathlib import Path
from typing import Any

import pytest
import torch

import train
from lightning_modules import ClassifierModule, load
from networks import InputError
from tests.hostile.checkpoints import Checkpoint
from tests.hostile.conftest import one_sentence, untouched
from tests.hostile.watch import watched
from tests.support.runs import NO_CONTROLS, NO_LOGGER, QUIET, config, run_explain

STRANGE: list[Any] = [None, True, -1, 0, 3, 2**40, 1.5, float("nan"), "", "x", "evilmod.Net", [], [1], {}, {"a": 1}, ()]
STRANGE += [{"class_path": "evilmod.Net"}, {"class_path": "subprocess.Popen"}, {"class_path": "torch.nn.Linear"}]
STRANGE += [torch.ones(()), torch.ones(2, 3), torch.full((4,), float("nan")), "[1, 2]", "class_path: evilmod.Net"]


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Of all entries in nested dictionaries and lists."""
    items = (
        list(value.items()) if isinstance(value, dict) else list(enumerate(value)) if isinstance(value, list) else []
    )
    return [p for key, item in items for p in [(*path, key), *places(item, (*path, key))]]


def mutated(good: Checkpoint, rng: random.Random) -> bytes:
    """One to three entries replaced, removed, or renamed; or bytes of the file flipped, or cut off."""
    checkpoint, buffer = copy.deepcopy(good), io.BytesIO()
    how = rng.random()
    for _ in range(rng.randint(1, 3) if how < 0.8 else 0):
        section = rng.choice(["hyper_parameters"] * 4 + [k for k in checkpoint if k != "hyper_parameters"])
        found = [p for p in places(checkpoint) if p[0] == section]
        if not found:
            continue
        *above, key = rng.choice(found)
        holder = checkpoint
        for step in above:
            holder = holder[step]
        action = rng.random()
        if action < 0.7:
            holder[key] = rng.choice(STRANGE)
        elif isinstance(holder, dict) and action < 0.85:
            holder[rng.choice(["evil", 3, "class_path", "_class_path"])] = holder.pop(key)
        else:
            holder.pop(key)
    torch.save(checkpoint, buffer)
    content = bytearray(buffer.getvalue())
    if 0.8 <= how < 0.95:
        for _ in range(rng.randint(1, 20)):
            content[rng.choice([rng.randrange(2000), rng.randrange(len(content))])] = rng.randrange(256)
    return bytes(content[: rng.randrange(len(content))] if how >= 0.95 else content)


def survives(use: Any) -> bool:
    """Whether it worked; where it was refused, in one sentence."""
    try:
        use()
    except InputError as error:
        assert one_sentence(error), str(error)
        return False
    return True


@pytest.mark.parametrize("number", [60, pytest.param(500, marks=pytest.mark.slow)])
def test_load(number: int, home: Path, good: Checkpoint) -> None:
    used = 0
    for seed in range(number):
        (home / "bad.ckpt").write_bytes(mutated(good, random.Random(seed)))
        with watched() as seen:
            used += survives(lambda: load(home / "bad.ckpt", ClassifierModule))
        assert not seen and untouched(home), seed
    assert 0.1 * number < used < 0.8 * number, "neither harmless throughout, nor refused whatever it is"


@pytest.mark.slow
@pytest.mark.parametrize("first", range(0, 100, 20))
def test_command_lines(first: int, home: Path, good: Checkpoint) -> None:
    folder, file = f"--trainer.default_root_dir={home}/out", home / "bad.ckpt"
    more = [
        config("digits/classifier.yaml"),
        *QUIET,
        *NO_LOGGER,
        folder,
        "--trainer.max_epochs=7",
        f"--ckpt_path={file}",
    ]
    explain = [
        "digits/explain_4_to_9.yaml",
        "--data.predict_limit=1",
        "--trainer.callbacks=null",
        *NO_CONTROLS,
    ]
    explain += ["--model.method.init_args.max_steps=2", folder, f"--model.predictor={file}"]
    for seed in range(first, first + 20):
        file.write_bytes(mutated(good, random.Random(1000 + seed)))
        with watched(home / "out") as seen:
            for use in (lambda: train.main(["fit", *more]), lambda: train.main(["test", *more])):
                survives(use)
            survives(lambda: run_explain(*explain))
        assert not seen and untouched(home), seed
