"""Files of a run as W&B artifacts, and which run made or used them."""

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import wandb

from networks.fingerprint import file_fingerprint

MEGABYTE = 1 << 20


def artifact_name(kind: str, folder: Path, *more: str) -> str:
    """``explanation-digits-explain``: what it is, and the last two parts of the folder, the report's title."""
    name = "-".join([kind, *folder.resolve().parts[-2:], *more])
    return re.sub(r"[^\w.-]", "-", name, flags=re.ASCII)[:128]  # what W&B allows


def model_artifact(checkpoint: Path, **metadata: Any) -> wandb.Artifact:
    """A checkpoint, by reference: W&B keeps its path, size and MD5, and its SHA-256 as metadata; not its bytes.

    The name is that of its folder, and the version follows from the bytes alone: the training that made a
    checkpoint and all runs that use it meet in one version.
    """
    more = () if checkpoint.stem in ("best", "last") else (checkpoint.stem,)
    name = artifact_name("model", checkpoint.resolve().parent, *more)
    artifact = wandb.Artifact(name, type="model", metadata={"sha256": file_fingerprint(checkpoint), **metadata})
    artifact.add_reference(checkpoint.resolve().as_uri(), name="model.ckpt")
    return artifact


def folder_artifact(name: str, kind: str, folder: Path, files: Iterable[Path], max_upload: float) -> wandb.Artifact:
    """Files below a folder; those of more than ``max_upload`` bytes by reference, as ``model_artifact`` has them."""
    artifact = wandb.Artifact(name, type=kind)
    for file in files:
        inside = str(file.relative_to(folder))
        if file.stat().st_size > max_upload:
            artifact.add_reference(file.resolve().as_uri(), name=inside)
        else:
            # By copy, W&B's default: the next run into this folder may come before `wandb sync` reads the file.
            artifact.add_file(str(file), name=inside)
    return artifact


def log_output(run: Any, artifact: wandb.Artifact, aliases: Iterable[str] = ()) -> None:
    """Record that the run made it."""
    run.log_artifact(artifact, aliases=["latest", *aliases])


def log_input(run: Any, artifact: wandb.Artifact) -> None:
    """Record that the run used it, also where the server has never seen it.

    ``run.use_artifact`` refuses offline. What it does online with an artifact that is not yet logged can be
    recorded offline as well, and ``wandb sync`` carries it out; only there is no public name for it.
    """
    if run.offline:
        run._log_artifact(artifact, is_user_created=True, use_after_commit=True)
    else:
        run.use_artifact(artifact)
