"""What was understood of the data, said before anything is done with it; files that cannot be read, found."""

import time
from collections.abc import Sequence

from pytorch_lightning import Callback, LightningModule, Trainer

from datamodules import DataModule
from datamodules.images.file_split import FileSplit
from networks.errors import InputError, printable

PATIENCE = 20.0  # seconds for which whole images are read; the others' headers take 0.05 ms each
SHOWN = 5  # files that are named where many cannot be read


class FirstLook(Callback):
    """Prints the data module's ``described()`` once a run, on rank zero, before the first batch.

    Before a training it looks at every image file, so that one that is broken does not end the run after hours, or
    only ``explain.py`` after the trainings: the headers of all, and for some seconds whole images, those of test and
    val first, which training itself would come to last. Ranks share the files.
    """

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        data = getattr(trainer, "datamodule", None)
        if not isinstance(data, DataModule):
            return
        if trainer.is_global_zero:
            what, *more = map(printable, data.described())
            print(f"{type(data).__name__}: {what}", *more, sep="\n  ", flush=True)
        if stage == "fit":
            self._check([data.split(name) for name in ("test", "val", "train")], trainer)

    @staticmethod
    def _check(splits: Sequence[object], trainer: Trainer) -> None:
        """
        Raises:
            InputError: images that cannot be read.
        """
        deadline = time.monotonic() + PATIENCE
        problems: list[str] = []
        for split in splits:
            if isinstance(split, FileSplit):
                problems += split.unreadable(range(trainer.global_rank, len(split), trainer.world_size), deadline)
        if len(problems) > SHOWN:
            problems = [*problems[:SHOWN], f"and {len(problems) - SHOWN:,} more"]
        InputError.collect(problems)
