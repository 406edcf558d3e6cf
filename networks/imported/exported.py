"""A classifier that comes as an exported program, without its source."""

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.export.passes import move_to_device_pass

from networks.checks import each, finite, positive, whole
from networks.errors import InputError
from networks.imported.exported_check import check_program


@contextmanager
def _no_code_in_pickles() -> Iterator[None]:
    """``torch.export.load`` asks for unrestricted unpickling; this is torch's own way to overrule it."""
    name = "TORCH_FORCE_WEIGHTS_ONLY_LOAD"
    before = os.environ.get(name)
    os.environ[name] = "1"
    try:
        yield
    finally:
        os.environ.pop(name)
        if before is not None:
            os.environ[name] = before


class Exported(nn.Module):
    """A program saved by ``torch.export.save``, with what it wants to be done to images in [0, 1].

    Export it with a dynamic batch dimension (``dynamic_shapes={"x": {0: torch.export.Dim.AUTO}}``) and
    in evaluation mode: dropout and batch statistics are frozen into the program.

    Args:
        path: the ``.pt2`` file.
        mean, std: per channel, or one for all: the program is given (x − mean) / std.
        size: height and width that images are resized to first (bilinear); ``None`` leaves them.

    Shapes:
        x of B×C×H×W → what the program returns: logits of B×K.

    ``.to(device)`` moves all of it: constants, too, and devices that its export has written into the program.

    Raises:
        InputError: a file that cannot be loaded, or holds more than a network; or a std that is not positive.
    """

    reads_files = ("path",)  #: never opened because a checkpoint says so
    mean: Tensor
    std: Tensor

    def __init__(
        self,
        path: str,
        mean: Sequence[float] = (0.0,),
        std: Sequence[float] = (1.0,),
        size: tuple[int, int] | None = None,
    ) -> None:
        super().__init__()
        problems = each(finite, mean=mean) + each(positive, std=std)
        InputError.collect(problems + ([] if size is None else each(whole, 1, size=size)))
        try:
            check_program(path)
            with _no_code_in_pickles():
                self._exported = move_to_device_pass(torch.export.load(path), "cpu")
                self.program = self._exported.module()
        except InputError as error:
            raise InputError(f"the exported program {path!r} is refused: {error}") from error
        except Exception as error:  # torch raises whatever its zip reader and unpickler raise
            first = (str(error).splitlines() or [type(error).__name__])[0]
            raise InputError(
                f"{path!r} cannot be loaded as an exported program: {first:.300}. Save it with torch.export.save"
            ) from error
        self.size = size
        self.register_buffer("mean", torch.tensor(mean).view(-1, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(std).view(-1, 1, 1), persistent=False)

    def train(self, mode: bool = True) -> "Exported":
        """An exported program has one mode, the one in which it was exported."""
        self.training = mode
        return self

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> "Exported":
        """What ``.to``, ``.cuda`` and ``.float`` call; it knows parameters and buffers alone."""
        before = self.mean.device
        super()._apply(fn, recurse)
        if self.mean.device != before:
            state = self.program.state_dict()
            asking = {name for name, p in self.program.named_parameters() if p.requires_grad}
            self._exported = move_to_device_pass(self._exported, str(self.mean.device))
            self.program = self._exported.module()
            self.program.load_state_dict(state)
            for name, p in self.program.named_parameters():
                p.requires_grad_(name in asking)
        return self

    def forward(self, x: Tensor) -> Tensor:
        if self.size is not None:
            x = F.interpolate(x, self.size, mode="bilinear", antialias=True)
        try:
            return self.program((x - self.mean) / self.std)
        except AssertionError as error:  # a guard of the export
            raise InputError(
                f"the exported program does not take a batch of shape {tuple(x.shape)} ({error}): export it with "
                "dynamic_shapes={'x': {0: torch.export.Dim.AUTO}}, so that a batch may have any number of images"
            ) from error
