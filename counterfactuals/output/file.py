"""Tensors and words in one safetensors file, which holds no code."""

import json
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from networks.errors import InputError
from networks.files import write_atomically

KIND, VERSION = "onmanifold.Counterfactuals", "1"


def write(path: Path, tensors: Mapping[str, Tensor], reasons: Iterable[str]) -> None:
    """Beside it first, and then in its place: a kill or a full disk leaves what was there before.

    Raises:
        InputError: there is no such folder, or there is one of that name.
    """
    if path.is_dir() or not path.parent.is_dir():
        problem = "it is a folder" if path.is_dir() else f"there is no folder {str(path.parent)!r}: make it first"
        raise InputError(f"{str(path)!r} cannot be written: {problem}")
    # Copies, because safetensors refuses tensors that share memory.
    copies = {name: tensor.detach().cpu().contiguous().clone() for name, tensor in tensors.items()}
    data = save(copies, {"kind": KIND, "version": VERSION, "reasons": json.dumps(list(reasons))})
    write_atomically(path, lambda beside: beside.write_bytes(data))


def read(path: Path) -> tuple[dict[str, Tensor], tuple[str, ...]]:
    """Tensors by name, on the CPU, and the reasons.

    Raises:
        InputError: there is no such file, or none that ``write`` has written.
    """
    if not path.is_file():
        raise InputError(f"there is no file {str(path)!r}" + (": it is a folder" if path.is_dir() else ""))
    try:
        with safe_open(path, framework="pt") as file:
            words = file.metadata() or {}
            tensors = {name: file.get_tensor(name).clone() for name in file.keys()}  # noqa: SIM118  # no dictionary
    except (SafetensorError, OSError, ValueError) as error:
        raise not_ours(path, f"it is no whole safetensors file ({error})") from error
    if words.get("kind") != KIND:
        raise not_ours(path, "another program has written it")
    if words.get("version") != VERSION:
        raise not_ours(path, f"its format is {words.get('version')!r}, and this version reads {VERSION!r}")
    return tensors, _reasons(path, words)


def _reasons(path: Path, words: Mapping[str, str]) -> tuple[str, ...]:
    reasons: Any = None
    with suppress(ValueError, RecursionError):
        reasons = json.loads(words.get("reasons", ""))
    if not isinstance(reasons, list) or not all(isinstance(reason, str) for reason in reasons):
        raise not_ours(path, "its reasons are no list of words")
    return tuple(reasons)


def not_ours(path: Path, why: str) -> InputError:
    """For whatever ``Counterfactuals.save`` would not have written."""
    return InputError(f"{str(path)!r} holds no counterfactuals that save has written: {why}")
