"""Checkpoints that appear whole or not at all, and are read as data."""

import io
from pathlib import Path
from typing import Any

import torch
from lightning_fabric.plugins import TorchCheckpointIO
from pytorch_lightning.utilities.rank_zero import rank_zero_warn

from callbacks.checkpoints.resume import resumable
from lightning_modules.checkpoints.checkpoint import read
from networks.errors import InputError
from networks.files import write_atomically


class AtomicCheckpointIO(TorchCheckpointIO):
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
        write_atomically(file, lambda beside: beside.write_bytes(written.getbuffer()))

    def load_checkpoint(
        self, path: str | Path, map_location: Any = None, weights_only: bool | None = None
    ) -> dict[str, Any]:
        """Tensors and plain values of a local file, and of them what may be restored; on the CPU.

        Raises:
            InputError: anything else.
        """
        checkpoint = read(path)
        try:
            kept = resumable(checkpoint)
        except InputError as error:
            raise InputError(f"checkpoint {str(path)!r} cannot be restored: {error}") from error
        if forgotten := sorted(map(str, checkpoint.get("callbacks", {}).keys() - kept.get("callbacks", {}).keys())):
            rank_zero_warn(f"Not restored: the states of {', '.join(forgotten):.500}")
        return kept

    def remove_checkpoint(self, path: str | Path) -> None:
        """A file or a link, never a folder; Lightning's own removes whatever has the name."""
        if "://" in str(path):
            super().remove_checkpoint(path)
        elif not Path(path).is_dir() or Path(path).is_symlink():
            Path(path).unlink(missing_ok=True)
