"""Logged numbers as a table."""

from argparse import Namespace
from typing import Any

from pytorch_lightning.loggers import CSVLogger
from pytorch_lightning.loggers.logger import DummyLogger
from pytorch_lightning.utilities.rank_zero import rank_zero_only


class LateCSV(CSVLogger):
    """Begins with the first number, and not with the hyper-parameters.

    A ``CSVLogger`` makes its folder, and deletes an earlier table of its name, when it begins. With Lightning's own it
    begins before it is known whether anything can be trained at all, and before ``EarlierTraining`` moves that folder.
    """

    params: dict[str, Any] | Namespace | None = None
    begun = False

    @property
    def experiment(self) -> Any:
        """What writes, which makes the folder: Lightning asks for it before ``setup``."""
        return super().experiment if self.begun else DummyLogger().experiment

    @rank_zero_only
    def save(self) -> None:
        if self.begun:
            super().save()

    @rank_zero_only
    def log_hyperparams(self, params: dict[str, Any] | Namespace | None = None) -> None:
        self.params = params

    @rank_zero_only
    def log_metrics(self, metrics: dict[str, Any], step: int | None = None) -> None:  # type: ignore[override]
        self.begun = True
        if self.params is not None:
            super().log_hyperparams(self.params)
            self.params = None
        super().log_metrics(metrics, step)
