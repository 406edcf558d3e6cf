"""Reading checkpoints that may come from anywhere, without running anything that they hold."""

import hashlib
import importlib
import pickle
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypeVar

import torch
from pytorch_lightning import LightningModule

from networks.errors import InputError

#: packages whose classes a checkpoint may always name
OURS = ("networks", "lightning_modules", "datamodules", "callbacks", "counterfactuals", "metrics", "torch", "timm")

M = TypeVar("M", bound=LightningModule)


def load(path: str | Path, *kinds: type[M]) -> M:
    """The module of one of the classes ``kinds`` that a checkpoint holds, on the CPU, in evaluation mode.

    Read with ``weights_only=True``; class paths in its hyper-parameters must be from our packages,
    torch, timm, or a module that is already imported.

    Raises:
        InputError: no such file, not a checkpoint, code in its pickle, a foreign class path, another
            kind of module, or weights of another architecture.
    """
    hparams = read(path).get("hyper_parameters", {})
    saved = hparams.get("_class_path", "a module saved without its class")
    named = {c.__name__: kind for kind in kinds for c in (kind, *subclasses(kind))}
    kind = named.get(saved.rsplit(".", 1)[-1])
    if kind is None:
        wanted = ", ".join(k.__name__ for k in kinds)
        needed = f"one of {wanted}" if len(kinds) > 1 else f"a {wanted}"
        raise InputError(f"checkpoint {str(path)!r} holds {saved}, but {needed} is needed here")
    try:
        return kind.load_from_checkpoint(path, map_location="cpu", weights_only=True).eval()
    except InputError:
        raise
    except (RuntimeError, ValueError, TypeError) as error:
        raise InputError(
            f"checkpoint {str(path)!r} cannot be built again: it is of another version, or a class that it names has "
            f"changed since. Train it again ({error})"
        ) from error


def read(path: str | Path) -> dict[str, Any]:
    """The checkpoint's dictionary, after the checks that ``load`` describes."""
    if not Path(path).is_file():
        raise InputError(
            f"no checkpoint {str(path)!r}: train that model first (python train.py fit --config …), or pass the path "
            "of one that exists"
        )
    try:
        checkpoint = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise InputError(
            f"checkpoint {str(path)!r} is refused: it holds something other than tensors and plain values, which "
            "could run code when read. Save a state dict and hyper-parameters only "
            f"({str(error).splitlines()[0]})"
        ) from error
    except (RuntimeError, EOFError, OSError, KeyError, ValueError) as error:
        raise InputError(
            f"{str(path)!r} is not a checkpoint, or is cut off: {str(error) or 'it ends too early'}"
        ) from error
    if not isinstance(checkpoint, dict) or "state_dict" not in checkpoint:
        raise InputError(f"{str(path)!r} is not a Lightning checkpoint: it has no state_dict")
    for class_path in _class_paths(checkpoint.get("hyper_parameters", {})):
        _check_class(class_path, path)
    return checkpoint


def fingerprint(path: str | Path) -> str:
    """SHA-256 of a file, hexadecimal."""
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _check_class(class_path: str, checkpoint: str | Path) -> None:
    """Raise unless the path names a class (no function) of a module that may be trusted."""
    module, _, name = class_path.rpartition(".")
    if module.split(".", 1)[0] not in OURS and module not in sys.modules:
        raise InputError(
            f"checkpoint {str(checkpoint)!r} asks for the class {class_path!r}, which is neither ours nor imported: "
            "import its module first, or do not trust this file"
        )
    try:
        named = getattr(importlib.import_module(module), name, None)
    except ImportError:
        named = None
    if not isinstance(named, type):
        raise InputError(
            f"checkpoint {str(checkpoint)!r} asks for {class_path!r}, which is not a class of this version"
        )


def _class_paths(value: Any) -> Iterator[str]:
    """Every class path named anywhere in nested hyper-parameters."""
    if isinstance(value, dict):
        for key, item in value.items():
            if key in ("class_path", "_class_path") and isinstance(item, str):
                yield item
            yield from _class_paths(item)
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield from _class_paths(item)


def subclasses(kind: type[M]) -> Iterator[type[M]]:
    """Of a class, and theirs, as far as they have been imported."""
    for sub in kind.__subclasses__():
        yield sub
        yield from subclasses(sub)
