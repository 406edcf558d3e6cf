"""What independent regressors say of the counterfactuals, and of the control."""

import torch
from pytorch_lightning import Callback, Trainer
from torch import nn
from torchmetrics import MeanSquaredError

from callbacks.measures.oracles import check_outputs, checkpoints_of, first_samples, frozen_models, with_logits
from callbacks.tracking.logs import log_scalars
from counterfactuals.call import call
from counterfactuals.goals.values import values
from lightning_modules import CounterfactualModule, Explanation
from networks.errors import InputError


class OracleValue(Callback):
    """Values of models unseen by the search, for x, x′ and the control (Dombrowski et al., Fig. 11).

    Adds a column ``oracle_NAME`` (its value for x′) a result and ``source_oracle_NAME`` (for x). In the summary,
    ``oracle_share/NAME`` says how much of the model's way from x to the target an oracle sees the flipped
    counterfactuals go, ``values`` holds the means for every target, and ``oracle_own_rmse/NAME`` is what the oracle is
    worth on the explained originals themselves.

    Args:
        oracles: name → checkpoint of a ``RegressorModule``, or a module that returns values.

    Raises:
        InputError: no oracle, a checkpoint that cannot be used, a classifier, or NaN for every sample.
    """

    def __init__(self, oracles: dict[str, str | nn.Module]) -> None:
        if not oracles:
            raise InputError("OracleValue needs at least one oracle: oracles: {unet: runs/…/best.ckpt}")
        self.checkpoints = checkpoints_of(oracles, "oracle")
        self.oracles = frozen_models(oracles)

    def on_predict_start(self, trainer: Trainer, pl_module: CounterfactualModule) -> None:  # type: ignore[override]
        pl_module.checkpoints |= self.checkpoints
        for oracle in self.oracles.values():
            oracle.to(pl_module.device)
        x, problems = first_samples(trainer.datamodule), []  # type: ignore[attr-defined]
        for name, oracle in self.oracles.items():
            try:
                self.oracles[name] = with_logits(oracle, x.to(pl_module.device), of_values=True)
                check_outputs(self._values(self.oracles[name], x, pl_module.device)[:, None])
            except InputError as error:
                problems.append(f"oracle {name!r}: {error}")
        InputError.collect(problems)
        pl_module.summary["oracle"] = next(iter(self.oracles))
        self.own = {name: MeanSquaredError(squared=False).to(pl_module.device) for name in self.oracles}
        pl_module.listeners.append(lambda explanation: self._update(explanation, pl_module.device))

    def _update(self, explanation: Explanation, device: torch.device) -> None:
        cf = explanation.counterfactuals
        for name, oracle in self.oracles.items():
            if not explanation.name:
                of_x = self._values(oracle, cf.x, device)
                explanation.columns[f"source_oracle_{name}"] = of_x
                known = of_x.isfinite()
                self.own[name].update(of_x[known].to(device), explanation.y[known].to(device))
            explanation.columns[f"oracle_{name}"] = self._values(oracle, cf.counterfactual, device)

    def on_predict_epoch_end(self, trainer: Trainer, pl_module: CounterfactualModule) -> None:  # type: ignore[override]
        errors = {f"oracle_own_rmse/{name}": float(metric.compute()) for name, metric in self.own.items()}  # every rank
        pl_module.summary.update(errors)
        log_scalars(trainer, {f"cf/{name}": error for name, error in errors.items()})

    @staticmethod
    @torch.no_grad()
    def _values(oracle: nn.Module, x: torch.Tensor, device: torch.device) -> torch.Tensor:
        return values(call(oracle, x.to(device)), "OracleValue").float().cpu()
