"""What is computed once for a model and a data set, kept between runs."""

import hashlib
import os
from collections.abc import Callable
from pathlib import Path

from pytorch_lightning import Trainer
from safetensors import SafetensorError
from safetensors.torch import load_file, save
from torch import Tensor

from callbacks.files import write_whole
from callbacks.ranks import meet


def cache_folder() -> Path:
    """``$XDG_CACHE_HOME/onmanifold``, otherwise ``~/.cache/onmanifold``; it may be deleted at any time."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "onmanifold"


def cached(
    trainer: Trainer, name: str, depends_on: list[str], compute: Callable[[], dict[str, Tensor]]
) -> dict[str, Tensor]:
    """What ``compute`` returns, from the cache where it is there.

    Rank zero computes for all ranks that see its disk; all of them must call this.

    Args:
        name: beginning of the file's name.
        depends_on: hashes and settings that together say what is computed.
        compute: tensors by name.
    """
    digest = hashlib.sha256("\n".join(depends_on).encode()).hexdigest()[:24]
    file = cache_folder() / f"{name}-{digest}.safetensors"
    found = _read(file)
    if found is None and trainer.is_global_zero:
        found = _compute(file, compute)
    meet(trainer, "cached")
    return found or _read(file) or _compute(file, compute)


def _read(file: Path) -> dict[str, Tensor] | None:
    try:
        return load_file(file)
    except (FileNotFoundError, SafetensorError):
        return None


def _compute(file: Path, compute: Callable[[], dict[str, Tensor]]) -> dict[str, Tensor]:
    tensors = {name: t.detach().cpu().contiguous() for name, t in compute().items()}
    if not all(t.isfinite().all() for t in tensors.values()):
        return tensors  # what a broken network, or card, has said is not kept
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        write_whole(file, lambda f: f.write_bytes(save(tensors)))
    except OSError as error:  # a full or read-only home must not end a run
        print(f"Not cached: {error}")
    return tensors
