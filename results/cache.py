"""What is computed once for a model and a data set, kept between runs."""

import hashlib
import struct
from collections.abc import Callable
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor

from networks.files import cache_folder, write_atomically
from results.files import metadata


def cached(name: str, depends_on: list[str], compute: Callable[[], dict[str, Tensor]]) -> dict[str, Tensor]:
    """What ``compute`` returns in the order of its names, from the cache where it is there.

    A file that is damaged, or that holds something else than was put into it, is computed again.

    Args:
        name: beginning of the file's name.
        depends_on: hashes and settings that together say what is computed: the networks' ``fingerprint``, the data's,
            which of the data, and whatever else the values would change with.
        compute: tensors by name.
    """
    digest = hashlib.sha256("\n".join(depends_on).encode()).hexdigest()[:24]
    file = cache_folder() / f"{name}-{digest}.safetensors"
    found = _read(file, digest) or _compute(file, digest, compute)
    return dict(sorted(found.items()))  # files have an order of their own, and ranks must have one


def _read(file: Path, digest: str) -> dict[str, Tensor] | None:
    try:
        data = file.read_bytes()
        tensors = dict(sorted(load(data).items()))
        return tensors if metadata(data) == _seal(digest, tensors) else None
    except (OSError, SafetensorError, ValueError, KeyError, TypeError, struct.error, RecursionError):
        return None


def _compute(file: Path, digest: str, compute: Callable[[], dict[str, Tensor]]) -> dict[str, Tensor]:
    # A file has an order of its own, and what ranks sum over must be in one.
    tensors = {name: t.detach().cpu().contiguous() for name, t in sorted(compute().items())}
    if not all(t.isfinite().all() for t in tensors.values()):
        return tensors  # what a broken network, or card, has said is not kept
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(file, lambda f: f.write_bytes(save(tensors, _seal(digest, tensors))))
    except OSError as error:  # a full or read-only home must not end a run
        print(f"Not cached: {error}; what is in {file.parent} may be deleted")
    return tensors


def _seal(digest: str, tensors: dict[str, Tensor]) -> dict[str, str]:
    """What tells a file whose content was changed, or that was copied to another one's name."""
    content = hashlib.sha256()
    for name, tensor in sorted(tensors.items()):
        content.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
        content.update(tensor.contiguous().flatten().view(torch.uint8).numpy().tobytes())
    return {"of": digest, "content": content.hexdigest()}
