"""Training tasks that make charts."""

from typing import Protocol, runtime_checkable

from pytorch_lightning import LightningModule

from counterfactuals.charts.chart import Chart
from lightning_modules.checkpoints.checkpoint import load, subclasses
from lightning_modules.task import Task
from networks.errors import InputError


@runtime_checkable
class HasChart(Protocol):
    """A training task whose network offers coordinates for a search."""

    def chart(self) -> Chart:
        """The coordinates; they share the task's weights."""
        ...


def chart_of(task: LightningModule) -> Chart:
    """The coordinates that a training task offers.

    Raises:
        InputError: it has no ``chart()``, or its network is none.
    """
    if not isinstance(task, HasChart):
        raise InputError(f"{type(task).__name__} makes no chart: leave out the callbacks that look at one")
    return task.chart()


def load_chart(path: str) -> Chart:
    """The coordinates that a training task's checkpoint offers; see ``load`` for the errors."""
    return chart_of(load(path, *(kind for kind in subclasses(Task) if hasattr(kind, "chart"))))
