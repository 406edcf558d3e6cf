"""What was understood of the data, said before anything is done with it; files that cannot be read, found."""

import time

from pytorch_lightning import Callback, LightningModule, Trainer

from datamodules import DataModule
from datamodules.base import SPLITS
from datamodules.images.file_split import FileSplit
from networks.errors import InputError, printable

PATIENCE = 20.0  # seconds for which whole images are read; the others' headers take 0.05 ms each
SHOWN = 5  # files that are named where many cannot be read


class FirstLook(Callback):
    """Prints the data module's ``described()`` once a run, on rank zero, before the first batch.

    Before a training it looks at every image file, so that one that is broken does not end the run after hours, or
    only ``explain.py`` after the trainings. Images of train and val are decoded, once for all epochs and for all later
    trainings (``Decoded``). Of those of test, and of all where a training sees no whole epoch or images have more than
    8 bits, it reads the headers and for some seconds whole images; ranks share them.
    """

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        data = getattr(trainer, "datamodule", None)
        if not isinstance(data, DataModule):
            return
        if trainer.is_global_zero:
            what, *more = map(printable, filter(None, [*data.described(), data.attributes_in_words()]))
            print(f"{type(data).__name__}: {what}", *more, sep="\n  ", flush=True)
        if stage == "fit":
            self._check(data, trainer)

    @staticmethod
    def _check(data: DataModule, trainer: Trainer) -> None:
        """
        Raises:
            InputError: images that cannot be read.
        """
        deadline = time.monotonic() + PATIENCE
        limit = trainer.limit_train_batches
        whole_epochs = isinstance(limit, float) and limit == 1  # an integer is a number of batches
        problems: list[str] = []
        for name in SPLITS[::-1]:
            split = data.split(name)
            if not isinstance(split, FileSplit):
                continue
            if name != "test" and whole_epochs and split.decodes:
                problems += split.decode(trainer.is_global_zero)
            else:
                problems += split.unreadable(range(trainer.global_rank, len(split), trainer.world_size), deadline)
        if len(problems) > SHOWN:
            problems = [*problems[:SHOWN], f"and {len(problems) - SHOWN:,} more"]
        InputError.collect(problems)
