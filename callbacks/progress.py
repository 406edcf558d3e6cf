"""One bar for a whole explain run."""

from typing import Any

import torch
from pytorch_lightning import Trainer
from pytorch_lightning.callbacks import ProgressBar
from tqdm import tqdm

from counterfactuals.explain import plan
from counterfactuals.freeze import frozen
from lightning_modules import CounterfactualModule, Explanation
from lightning_modules.counterfactual import counterfactuals_each


class SearchProgress(ProgressBar):
    """Searches that have ended on rank zero, of all results, with their rate, mean steps and share of flips."""

    def __init__(self) -> None:
        super().__init__()
        self.shown = True
        self.bar: Any = None
        self.steps = self.flips = 0

    def disable(self) -> None:  # Lightning calls it on the other ranks
        self.shown = False

    def enable(self) -> None:
        self.shown = True

    def on_predict_start(self, trainer: Trainer, pl_module: CounterfactualModule) -> None:  # type: ignore[override]
        self.steps = self.flips = 0
        samples = len(trainer.predict_dataloaders.sampler)  # type: ignore[union-attr]  # this rank's
        each = sum(counterfactuals_each(method) for _, method in pl_module.searches.values())
        total = samples * self._per_sample(pl_module) * each
        self.bar = tqdm(desc="searches", total=total, disable=not self.shown, dynamic_ncols=True, smoothing=0.05)
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
        self.steps += int(cf.steps.sum())
        self.flips += int(cf.flipped.sum())
        n = self.bar.n + len(cf)
        self.bar.set_postfix_str(f"{self.steps / n:.0f} steps, {self.flips / n:.1%} flipped", refresh=False)
        self.bar.update(len(cf))

    def on_predict_end(self, trainer: Trainer, pl_module: CounterfactualModule) -> None:  # type: ignore[override]
        self.bar.close()

    def on_exception(self, trainer: Trainer, pl_module: Any, exception: BaseException) -> None:
        if self.bar is not None:
            self.bar.close()
