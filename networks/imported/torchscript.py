"""A classifier that comes as TorchScript, without its source."""

import hashlib
import io
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor, nn

from networks.errors import InputError
from networks.imported.torchscript_check import check_archive


class TorchScript(nn.Module):
    """A file saved by ``torch.jit.save``, scripted or traced, frozen or not.

    torch calls TorchScript deprecated, and still reads it; ``networks.Exported`` is what comes after it. What it wants
    to be done to images in [0, 1], and what it returns, is for ``networks.Adapter`` to say.

    Args:
        path: the file.

    Shapes:
        x of B×C×H×W → what the program returns.

    ``.to(device)`` moves all of it, constants of a frozen one, too.

    Raises:
        InputError: a file that cannot be loaded, or that does more than to compute with tensors.
    """

    reads_files = ("path",)  #: never opened because a checkpoint says so
    file: Tensor

    def __init__(self, path: str) -> None:
        super().__init__()
        self.path = path
        try:
            self._content = Path(path).expanduser().read_bytes()
        except OSError as error:
            raise InputError(f"no TorchScript file {path!r} can be read: {error.strerror}") from error
        try:
            check_archive(self._content)
            self.program = self._load(torch.device("cpu"))
        except InputError as error:
            raise InputError(f"the TorchScript file {path!r} is refused: {error}") from error
        except Exception as error:  # torch raises whatever its zip reader and its compiler raise
            first = (str(error).splitlines() or [type(error).__name__])[0]
            raise InputError(
                f"{path!r} cannot be loaded as TorchScript: {first:.300}. Save it with torch.jit.save, or better with "
                "torch.export.save, for networks.Exported"
            ) from error
        # Constants of a frozen program are no part of its state: by this, another file is another predictor.
        digest = hashlib.sha256(self._content).digest()
        self.register_buffer("file", torch.tensor(list(digest), dtype=torch.uint8))

    def _load(self, device: torch.device) -> nn.Module:
        return torch.jit.load(io.BytesIO(self._content), map_location=device).eval()

    def train(self, mode: bool = True) -> "TorchScript":
        """A frozen program has one mode; dropout of another stays off."""
        self.training = mode
        return self

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> "TorchScript":
        """What ``.to`` and ``.cuda`` call; it knows parameters and buffers alone."""
        before = self.file.device
        asking = any(p.requires_grad for p in self.parameters())
        super()._apply(fn, recurse)
        if self.file.device != before:
            self.program = self._load(self.file.device)
            for p in self.program.parameters():  # requires_grad_ of the whole is not for TorchScript
                p.requires_grad_(asking)
        return self

    def forward(self, x: Tensor) -> Tensor:
        return self.program(x)
