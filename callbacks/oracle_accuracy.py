"""Oracle agreement of the counterfactuals, and of the control."""

from typing import Any, Protocol, runtime_checkable

import torch
from pytorch_lightning import Callback, Trainer
from torch import nn

from callbacks.judges import answering, check_answers, checkpoints_of, judges, some_samples
from callbacks.logs import log_scalars
from callbacks.naming import scalar
from counterfactuals.call import call
from counterfactuals.objectives import classes
from lightning_modules import CounterfactualModule, Explanation
from metrics import OracleAccuracy as OracleMetric
from metrics import decision
from networks.errors import InputError

MOST_TO_LEARN = 20_000  # training samples, in memory at once


@runtime_checkable
class Learner(Protocol):
    """An oracle that is fitted at the start of a run."""

    def fit(self, x: torch.Tensor, y: torch.Tensor) -> None:
        """Learn from samples N×``shape`` and their classes, N int64."""
        ...


class OracleAccuracy(Callback):
    """Share of flipped counterfactuals that models unseen by the search also give the target class.

    Adds a column ``oracle_NAME`` (its class for x′) a result, ``source_oracle_NAME`` (for x), and to the summary
    ``oracle_accuracy`` (the first oracle's, which ``oracle`` names), one entry an oracle, and
    ``oracle_own_accuracy``, what the oracle is worth on the explained originals themselves. Where an oracle says NaN
    it has no class, and its rate is over the others.

    Args:
        oracles: name → checkpoint of a ``ClassifierModule``, or a module; one that can ``fit(x, y)``, such as
            ``LinearSVM``, learns from the training split first.

    Raises:
        InputError: no oracle, a checkpoint that cannot be used, or one that says NaN of every sample.
    """

    def __init__(self, oracles: dict[str, str | nn.Module]) -> None:
        if not oracles:
            raise InputError("OracleAccuracy needs at least one oracle: oracles: {svm: runs/…/best.ckpt}")
        self.checkpoints = checkpoints_of(oracles, "oracle")
        self.oracles = judges(oracles)
        self.metrics: dict[str, OracleMetric] = {}

    def on_predict_start(self, trainer: Trainer, pl_module: CounterfactualModule) -> None:  # type: ignore[override]
        pl_module.checkpoints |= self.checkpoints
        self._fit(trainer.datamodule)  # type: ignore[attr-defined]
        pl_module.listeners.append(lambda explanation: self._update(explanation, pl_module))
        for oracle in self.oracles.values():
            oracle.to(pl_module.device)
        # All of them now: every rank computes them in this order, whatever it is the first to see.
        names = [f"oracle_own_accuracy/{name}" for name in self.oracles]
        names += [scalar(result, f"oracle_accuracy/{name}") for result in pl_module.searches for name in self.oracles]
        self.metrics = {name: OracleMetric().to(pl_module.device) for name in names}
        InputError.collect(self._problems_with(trainer.datamodule, pl_module))  # type: ignore[attr-defined]

    def _fit(self, data: Any) -> None:
        """Teach the oracles that learn in seconds; on every rank, which all come to the same."""
        learners = [oracle for oracle in self.oracles.values() if isinstance(oracle, Learner)]
        if learners:
            train = data.split("train")
            chosen = torch.randperm(len(train), generator=torch.Generator().manual_seed(0))[:MOST_TO_LEARN]
            batch = train.__getitems__(chosen.tolist())
            for oracle in learners:
                oracle.fit(batch["x"], batch["y"])

    def _problems_with(self, data: Any, pl_module: CounterfactualModule) -> list[str]:
        """Try every oracle on some samples now, rather than after the first batch has been searched."""
        problems, x = [], some_samples(data)
        for name, oracle in self.oracles.items():
            try:
                if data.task != "classification":
                    raise InputError(f"OracleAccuracy is for classes, the data for {data.task}: use OracleValue")
                self.oracles[name] = answering(oracle, x.to(pl_module.device))
                logits = self._logits(self.oracles[name], x, pl_module)
                classes(logits, "OracleAccuracy")
                check_answers(logits)
            except InputError as error:
                problems.append(f"oracle {name!r}: {error}")
            else:
                if (k := logits.shape[1]) != data.num_classes:
                    problems.append(f"oracle {name!r} knows {k} classes, {type(data).__name__} has {data.num_classes}")
        return problems

    def _update(self, explanation: Explanation, pl_module: CounterfactualModule) -> None:
        cf, result = explanation.counterfactuals, explanation.name
        for name, oracle in self.oracles.items():
            if not result:
                own = self._logits(oracle, cf.x, pl_module)
                explanation.columns[f"source_oracle_{name}"] = decision(own).cpu()
                self.metrics[f"oracle_own_accuracy/{name}"].update(own, explanation.y.to(pl_module.device))
            logits = self._logits(oracle, cf.counterfactual, pl_module)
            explanation.columns[f"oracle_{name}"] = decision(logits).cpu()
            flipped = cf.flipped.to(logits.device)
            self.metrics[scalar(result, f"oracle_accuracy/{name}")].update(
                logits[flipped], cf.target.to(logits.device)[flipped]
            )

    def on_predict_epoch_end(self, trainer: Trainer, pl_module: CounterfactualModule) -> None:  # type: ignore[override]
        first = next(iter(self.oracles))
        values = {name: float(metric.compute()) for name, metric in self.metrics.items()}  # on every rank
        for name in [n for n in values if n.endswith(f"/{first}")]:
            values[name.removesuffix(f"/{first}")] = values[name]
        pl_module.summary.update(values, oracle=first)
        log_scalars(trainer, {f"cf/{name}": v for name, v in values.items()})

    @staticmethod
    @torch.no_grad()
    def _logits(oracle: nn.Module, x: torch.Tensor, pl_module: CounterfactualModule) -> torch.Tensor:
        return call(oracle, x.to(pl_module.device))
