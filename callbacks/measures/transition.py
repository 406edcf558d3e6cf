"""How the predictor's mind changes on the way from x to x′."""

from functools import partial

import torch
from pytorch_lightning import Callback, Trainer

from counterfactuals.call import call
from counterfactuals.freeze import frozen
from counterfactuals.goals.objectives import probabilities
from datamodules import DataModule
from lightning_modules import CounterfactualModule, Explanation
from metrics import cout
from networks.checks import whole
from networks.errors import InputError


class Transition(Callback):
    """Columns ``cout`` (see ``metrics.cout``) and ``margin`` (p_target less the largest other probability of x′).

    p is what the objective takes for probabilities: of a committee the smallest that any member gives.

    Args:
        steps: portions in which the pixels are exchanged.

    Raises:
        InputError: the data's labels are values, or no portions.
    """

    def __init__(self, steps: int = 20) -> None:
        if whole(1, steps=steps):
            raise InputError(f"steps, the portions in which pixels are exchanged, must be positive; got {steps!r}")
        self.steps = steps

    def on_predict_start(self, trainer: Trainer, pl_module: CounterfactualModule) -> None:  # type: ignore[override]
        data: DataModule = trainer.datamodule  # type: ignore[attr-defined]
        if data.task != "classification":
            raise InputError("Transition compares class probabilities; the labels here are values: leave it out")
        pl_module.listeners.append(lambda explanation: self._update(explanation, pl_module))

    @torch.no_grad()
    def _update(self, explanation: Explanation, pl_module: CounterfactualModule) -> None:
        cf, device = explanation.counterfactuals, pl_module.device
        x, x_prime, source, target = (t.to(device) for t in (cf.x, cf.counterfactual, cf.source, cf.target))
        of = partial(probabilities, pl_module.objective)
        with frozen(pl_module.predictor):
            score = cout(pl_module.predictor, x, x_prime, source, target, self.steps, of)
            p = of(call(pl_module.predictor, x_prime))
        explanation.columns["cout"] = score.cpu()
        own = p.gather(1, target[:, None])
        others = p.scatter(1, target[:, None], -1).amax(1)
        explanation.columns["margin"] = (own[:, 0] - others).cpu()
