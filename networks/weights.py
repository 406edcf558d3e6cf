"""Telling one set of weights from another, and from what is none."""

import hashlib
from pathlib import Path

import torch
from torch import nn


def weights_hash(network: nn.Module) -> str:
    """SHA-256 of names, types and values of a network's state, shortened."""
    digest = hashlib.sha256()
    for name, value in sorted(network.state_dict().items()):
        digest.update(f"{name} {value.dtype} {tuple(value.shape)}".encode())
        digest.update(value.detach().cpu().contiguous().flatten().view(torch.uint8).numpy())
    return digest.hexdigest()[:16]


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
