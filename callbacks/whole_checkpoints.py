"""Checkpoints that appear whole or not at all."""

import io
from pathlib import Path
from typing import Any

import torch
from lightning_fabric.plugins import TorchCheckpointIO

from callbacks.files import write_whole


class WholeCheckpoints(TorchCheckpointIO):
    """Writes a checkpoint beside its name and renames it, within one folder.

    Lightning's own writes to ``$TMPDIR`` first. Onto another file system it is then copied, and a kill leaves half a
    copy; a full disk leaves half a file under the checkpoint's own name.
    """

    def save_checkpoint(self, checkpoint: dict[str, Any], path: str | Path, storage_options: Any = None) -> None:
        if "://" in str(path):  # another machine's: there fsspec knows how
            super().save_checkpoint(checkpoint, path, storage_options)
            return
        written = io.BytesIO()  # torch's own writer does not say that the disk is full
        torch.save(checkpoint, written)
        file = Path(path)
        file.parent.mkdir(parents=True, exist_ok=True)
        write_whole(file, lambda beside: beside.write_bytes(written.getbuffer()))
