"""Weights: reading them from a file, and telling one set from another."""

import hashlib

import torch
from timm.models import load_checkpoint
from torch import nn

from networks.errors import InputError


def weights_hash(network: nn.Module) -> str:
    """SHA-256 of names, types and values of a network's state, shortened."""
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
    try:
        load_checkpoint(network, path, strict=True, weights_only=True)
    except Exception as error:  # its readers raise whatever the file makes them
        raise InputError(f"weights {path!r} for {name} cannot be loaded: {why_not(error)}") from error


def why_not(error: Exception) -> str:
    """What to say of an error of those who read weights."""
    if "weights_only" in str(error):  # which timm advises to switch off
        return "they hold something other than tensors, which could run code when read; save a state dict only"
    if isinstance(error, FileNotFoundError):
        return "there is no such file"
    return " ".join(str(error).split())[:300] or f"the file ends too early or is no such file ({type(error).__name__})"
