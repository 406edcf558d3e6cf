"""A layer under all that Python does with files, in which every operation can kill or fail; and a run to try it on."""

import errno
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch
from torch import Tensor, nn

from callbacks import Report, ResultWriter
from counterfactuals import Ascent, ReachClass, RunnerUp
from datamodules import DataModule
from datamodules.base import Split, SplitName, TensorSplit
from lightning_modules import CounterfactualModule, Explanation
from tests.conftest import LinearChart

CHANGES = ("os.rename", "os.remove", "os.rmdir", "os.mkdir", "os.truncate")
ROOM = ("open", "os.rename", "os.mkdir")  # what a full disk refuses
WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC


class Operations:
    """Counts what changes files below a folder, and calls ``fault`` in place of one of them and of all after it.

    The hook stays until the process ends: for forked processes alone.
    """

    def __init__(self, folder: Path, number: int, fault: Callable[[], None], kinds: tuple[str, ...] = ()) -> None:
        self.folder, self.number, self.fault, self.kinds = str(folder), number, fault, kinds or ("open", *CHANGES)
        self.count, self.over = 0, False

    def __enter__(self) -> "Operations":
        sys.addaudithook(self._hear)
        return self

    def __exit__(self, *error: object) -> None:
        self.over = True

    def _hear(self, event: str, args: tuple[Any, ...]) -> None:
        if self.over or event not in self.kinds:
            return
        if event == "open" and not (isinstance(args[2], int) and args[2] & WRITING):
            return
        name = os.fsdecode(args[0]) if isinstance(args[0], (str, bytes, os.PathLike)) else ""
        if name.startswith("/") and not name.startswith(self.folder):
            return  # relative ones are those of rmtree, or of a program that runs in the folder
        if event == "os.mkdir" and Path(name).is_dir():
            return  # which changes nothing
        self.count += 1
        if self.count >= self.number:
            self.fault()


def kill() -> None:
    """As ``kill -9`` would: nothing runs any more."""
    os._exit(9)


def full() -> None:
    """As a disk without room does."""
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def forked(act: Callable[[], object]) -> int:
    """Exit code of a copy of this process that does it: 0, what ``act`` exits with, or 1 after an error."""
    child = os.fork()
    if child == 0:
        code = 1
        try:
            act()
            code = 0
        finally:
            sys.stdout.flush()
            os._exit(code)
    _, status = os.waitpid(child, 0)
    return os.waitstatus_to_exitcode(status)


class Points(DataModule):
    """A few points in six dimensions."""

    shape, num_classes, class_names = (6,), 3, ["a", "b", "c"]

    def __init__(self, points: Tensor, **common: Any) -> None:
        super().__init__(**common)
        self.points = points

    def load(self) -> dict[SplitName, Split]:
        split = TensorSplit(self.points, torch.zeros(len(self.points), dtype=torch.int64))
        return {"train": split, "val": split, "test": split}


class Figure(pl.Callback):
    """A measure and a figure, as any callback could leave one."""

    def __init__(self, scale: float = 1.0) -> None:
        self.scale = scale

    def on_predict_start(self, trainer: pl.Trainer, pl_module: CounterfactualModule) -> None:  # type: ignore[override]
        def measure(explanation: Explanation) -> None:
            explanation.columns["margin"] = self.scale * explanation.counterfactuals.confidence

        pl_module.listeners.append(measure)

    def on_predict_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        from callbacks.staging import results_folder

        folder = results_folder(trainer) / "figures"
        folder.mkdir(exist_ok=True)
        (folder / "path.gif").write_bytes(b"GIF")


def points(n: int = 4) -> Tensor:
    return torch.randn(n, 6, generator=torch.Generator().manual_seed(1))


def explain_points(folder: Path, x: Tensor | None = None, steps: int = 20, scale: float = 1.0, seed: int = 0) -> None:
    """An explain run on them with a control: as long as a few forward passes, and a report."""
    torch.manual_seed(seed)
    predictor, chart = nn.Linear(6, 3), LinearChart(6)
    nn.init.orthogonal_(predictor.weight)
    searching = Ascent(max_steps=steps, clip=None)
    writer = ResultWriter()
    writer.settings = {"model": {"steps": steps}, "callbacks": {"scale": scale}}
    control = Ascent(max_steps=steps, clip=None)
    model = CounterfactualModule(predictor, chart, RunnerUp(), ReachClass(0.6), searching, control, slots=2)
    trainer = pl.Trainer(
        default_root_dir=folder,
        callbacks=[Figure(scale), writer, Report()],
        accelerator="cpu",
        logger=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        inference_mode=False,
    )
    trainer.predict(model, datamodule=Points(points() if x is None else x, batch_size=3), return_predictions=False)
