"""What a result was made with."""

import platform
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version

import torch

from counterfactuals.memory import most_memory
from counterfactuals.progress import duration
from networks.fingerprint import file_fingerprint
from networks.precision import uses_tf32

PACKAGES = ("torch", "pytorch-lightning", "torchmetrics", "FrEIA", "timm", "wandb", "onmanifold")


def fingerprints(checkpoints: Mapping[str, str]) -> dict[str, str]:
    """Their hashes by name; taken before the searches, since a file may be gone after them."""
    return {name: file_fingerprint(path) for name, path in checkpoints.items()}


def provenance(
    checkpoints: Mapping[str, str], hashes: Mapping[str, str], device: torch.device, seconds: float
) -> dict[str, dict[str, str]]:
    """The checkpoints used (name → path) and their hashes, what it was computed on and in, what it took, and versions.

    Args:
        seconds: that the process was at work, whose most memory is taken down.
    """
    gpu = device.type == "cuda"
    return {
        "checkpoints": {name: f"{path} sha256:{hashes[name]}" for name, path in checkpoints.items()},
        "versions": {"python": platform.python_version(), **{p: version_of(p) for p in PACKAGES}},
        "arithmetic": {
            "device": torch.cuda.get_device_name(device) if gpu else device.type,
            "type": "float32 with products in TF32" if gpu and uses_tf32() else "float32",
        },
        "cost": {"time": duration(seconds), **most_memory(device)},
    }


def version_of(package: str) -> str:
    """Of an installed package; our own may also be run from its folder."""
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"
