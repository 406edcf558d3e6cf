"""How far an explain run is: one bar for all searches, and one for each thing that takes long before or after them."""

import signal
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, TypeVar

import torch
from pytorch_lightning import Trainer
from pytorch_lightning.callbacks import ProgressBar
from pytorch_lightning.utilities.exceptions import SIGTERMException

from counterfactuals.explain import plan
from counterfactuals.freeze import frozen
from counterfactuals.progress import Progress, Tally, track
from lightning_modules import CounterfactualModule, Explanation
from lightning_modules.counterfactual import counterfactuals_each, shows_progress

T = TypeVar("T")
Over = Callable[[Sequence[T]], Iterable[T]]


def tracking(trainer: Trainer, what: str) -> Over:
    """What goes over parts and shows how far that is: ``for part in tracking(trainer, "…")(parts)``.

    Between two parts SIGTERM is heeded, at which Lightning looks in its loops alone.
    """

    def over(parts: Sequence[T]) -> Iterator[T]:
        for part in track(parts, what, shows_progress(trainer)):
            if trainer.received_sigterm:
                raise SIGTERMException(128 + signal.SIGTERM)
            yield part

    return over


class SearchProgress(ProgressBar):
    """Searches that have ended on rank zero, of all results, with their rate, mean steps and share of flips."""

    def __init__(self) -> None:
        super().__init__()
        self.shown = True
        self.bar: Progress | None = None

    def disable(self) -> None:  # Lightning calls it on the other ranks
        self.shown = False

    def enable(self) -> None:
        self.shown = True

    def on_predict_start(self, trainer: Trainer, pl_module: CounterfactualModule) -> None:  # type: ignore[override]
        self.tally = Tally()
        samples = len(trainer.predict_dataloaders.sampler)  # type: ignore[union-attr]  # this rank's
        each = sum(counterfactuals_each(method) for _, method in pl_module.searches.values())
        total = samples * self._per_sample(pl_module) * each  # 0 where the model's own values decide
        self.bar = Progress("searches", total or None, self.shown, stay=True)
        pl_module.listeners.append(self._update)

    @staticmethod
    @torch.no_grad()
    def _per_sample(pl_module: CounterfactualModule) -> int:
        """How many targets the policy asks for."""
        blank = torch.zeros(1, *pl_module.chart.shape, device=pl_module.device)
        with frozen(pl_module.predictor):
            return len(plan(pl_module.predictor, pl_module.chart, blank, pl_module.target, pl_module.objective).rows)

    def _update(self, explanation: Explanation) -> None:
        cf = explanation.counterfactuals
        assert self.bar is not None
        self.bar.advance(len(cf), self.tally.add(cf))

    def on_predict_end(self, trainer: Trainer, pl_module: CounterfactualModule) -> None:  # type: ignore[override]
        if self.bar is not None:
            self.bar.close()

    def on_exception(self, trainer: Trainer, pl_module: Any, exception: BaseException) -> None:
        if self.bar is not None:
            self.bar.close()
