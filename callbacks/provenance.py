"""What a result was made with."""

import platform
from importlib.metadata import PackageNotFoundError, version

from lightning_modules.checkpoint import fingerprint

PACKAGES = ("torch", "pytorch-lightning", "torchmetrics", "FrEIA", "timm", "wandb", "onmanifold")


def provenance(checkpoints: dict[str, str]) -> dict[str, dict[str, str]]:
    """Hashes of the checkpoints used (name → path) and versions of what ran."""
    return {
        "checkpoints": {name: f"{path} sha256:{fingerprint(path)}" for name, path in checkpoints.items()},
        "versions": {"python": platform.python_version(), **{p: version_of(p) for p in PACKAGES}},
    }


def version_of(package: str) -> str:
    """Of an installed package; our own may also be run from its folder."""
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"
