"""Weights: reading them from a file, and telling one set from another."""

import hashlib
from pathlib import Path

import torch
from timm.models import load_checkpoint
from torch import nn

from networks.errors import InputError


def weights_hash(network: nn.Module) -> str:
    """SHA-256 of names, types and values of a network's state, shortened.

    Two networks of the same weights may still answer differently (``networks.fingerprint``).
    """
    digest = hashlib.sha256()
    for name, value in sorted(network.state_dict().items()):
        digest.update(f"{name} {value.dtype} {tuple(value.shape)}".encode())
        digest.update(value.detach().cpu().contiguous().flatten().view(torch.uint8).numpy())
    return digest.hexdigest()[:16]


def load_weights(network: nn.Module, path: str, name: str) -> None:
    """Read a state dict (``.safetensors`` or ``.pth``, also inside ``state_dict`` or ``model``) into a network.

    Every weight must be there, and none else.

    Args:
        name: of the network, for the message.

    Raises:
        InputError: they cannot be read, hold more than tensors, or are another network's.
    """
    if (reason := no_weights(path)) is not None:
        raise InputError(f"weights {path!r} for {name} cannot be loaded: {reason}")
    try:
        load_checkpoint(network, path, strict=True, weights_only=True)
    except Exception as error:  # its readers raise whatever the file makes them
        raise InputError(f"weights {path!r} for {name} cannot be loaded: {why_not(error)}") from error


def why_not(error: Exception) -> str:
    """What to say of an error of those who read weights."""
    if "weights_only" in str(error):  # which timm advises to switch off
        return "they hold something other than tensors, which could run code when read; save a state dict only"
    if type(error).__module__.startswith(("huggingface_hub", "httpx", "requests", "urllib")):
        return "they cannot be fetched from the network, and are not in the cache; give a file, or null for none"
    return " ".join(str(error).split())[:300] or f"the file ends too early or is no such file ({type(error).__name__})"


#: how files begin that are often found where weights should be
BEGINNINGS = {
    b"version https://git-lfs": "it is a pointer of Git LFS, and not the weights: fetch them with git lfs pull",
    b"<!doctype": "it is a web page: fetch the file itself (on Hugging Face and GitHub by its download link)",
    b"<html": "it is a web page: fetch the file itself (on Hugging Face and GitHub by its download link)",
}


def no_weights(path: str | Path) -> str | None:
    """Why a file cannot hold weights, by how it begins; ``None`` where it may."""
    if Path(path).is_dir():
        return "it is a folder: name the file in it"
    if not Path(path).is_file():
        return "there is no such file"
    with Path(path).open("rb") as file:
        start = file.read(512)
    if not start:
        return "it is empty"
    for beginning, reason in BEGINNINGS.items():
        if start.lstrip().lower().startswith(beginning):
            return reason
    return "it is a text, and no weights" if _is_text(start) else None


def _is_text(start: bytes) -> bool:
    """Readable throughout: pickles, zip archives and safetensors all begin with other bytes, too."""
    return all(32 <= byte < 127 or byte in b"\t\r\n" for byte in start)
