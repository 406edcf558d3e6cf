"""Oracle agreement of the counterfactuals, and of the control."""

from typing import Any, Protocol, runtime_checkable

import torch
from pytorch_lightning import Callback, Trainer
from torch import nn

from callbacks.measures.oracles import check_outputs, checkpoints_of, first_samples, frozen_models, with_logits
from counterfactuals.call import call
from counterfactuals.goals.objectives import classes
from lightning_modules import CounterfactualModule, Explanation
from metrics import decision
from metrics.oracle import ALL
from networks.errors import InputError

MOST_TO_LEARN = 20_000  # training samples, in memory at once


@runtime_checkable
class Learner(Protocol):
    """An oracle that is fitted at the start of a run."""

    def fit(self, x: torch.Tensor, y: torch.Tensor) -> None:
        """Learn from samples N×``shape`` and their classes, N int64."""
        ...


class OracleAccuracy(Callback):
    """What models unseen by the search say of x′, of x, and of what the chart makes of x before any step.

    Adds a column ``oracle_NAME`` (its class for x′) a result; with the chart's, ``source_oracle_NAME`` (for x) and
    ``reconstruction_oracle_NAME`` (for decode(encode(x))). The summary has of every oracle, and of ``all`` at once,
    how many flips it agrees with and what it had said without a search (see ``metrics.summarize``), and
    ``oracle_own_accuracy``, what it is worth on the explained originals. Without a name these numbers are the first
    oracle's, which ``oracle`` names. Where an oracle says NaN it has no class, and its rate is over the others.

    Args:
        oracles: name → checkpoint of a ``ClassifierModule``, or a module; one that can ``fit(x, y)``, such as
            ``LinearSVM``, learns from the training split first.

    Raises:
        InputError: no oracle, one that is called ``all``, a checkpoint that cannot be used, or one that says NaN of
            every sample.
    """

    def __init__(self, oracles: dict[str, str | nn.Module]) -> None:
        if not oracles:
            raise InputError("OracleAccuracy needs at least one oracle: oracles: {svm: runs/…/best.ckpt}")
        if ALL in oracles:
            raise InputError(
                f"oracles: no oracle can be called {ALL!r}, which names the verdict of all of them: rename it"
            )
        self.checkpoints = checkpoints_of(oracles, "oracle")
        self.oracles = frozen_models(oracles)

    def on_predict_start(self, trainer: Trainer, pl_module: CounterfactualModule) -> None:  # type: ignore[override]
        pl_module.checkpoints |= self.checkpoints
        self._fit(trainer.datamodule)  # type: ignore[attr-defined]
        pl_module.listeners.append(lambda explanation: self._update(explanation, pl_module))
        for oracle in self.oracles.values():
            oracle.to(pl_module.device)
        pl_module.summary["oracle"] = next(iter(self.oracles))
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
        problems, x = [], first_samples(data)
        for name, oracle in self.oracles.items():
            try:
                if data.task != "classification":
                    raise InputError(f"OracleAccuracy is for classes, the data for {data.task}: use OracleValue")
                self.oracles[name] = with_logits(oracle, x.to(pl_module.device))
                logits = self._logits(self.oracles[name], x, pl_module)
                classes(logits, "OracleAccuracy")
                check_outputs(logits)
            except InputError as error:
                problems.append(f"oracle {name!r}: {error}")
            else:
                if (k := logits.shape[1]) != data.num_classes:
                    problems.append(f"oracle {name!r} knows {k} classes, {type(data).__name__} has {data.num_classes}")
        return problems

    def _update(self, explanation: Explanation, pl_module: CounterfactualModule) -> None:
        cf, columns = explanation.counterfactuals, explanation.columns
        for name, oracle in self.oracles.items():
            if not explanation.name:
                original = self._decision(oracle, cf.x, pl_module)
                same = torch.equal(cf.reconstruction, cf.x)  # in pixels: it has been asked already
                again = original if same else self._decision(oracle, cf.reconstruction, pl_module)
                columns |= {f"source_oracle_{name}": original, f"reconstruction_oracle_{name}": again}
            columns[f"oracle_{name}"] = self._decision(oracle, cf.counterfactual, pl_module)

    def _decision(self, oracle: nn.Module, x: torch.Tensor, pl_module: CounterfactualModule) -> torch.Tensor:
        return decision(self._logits(oracle, x, pl_module)).cpu()

    @staticmethod
    @torch.no_grad()
    def _logits(oracle: nn.Module, x: torch.Tensor, pl_module: CounterfactualModule) -> torch.Tensor:
        return call(oracle, x.to(pl_module.device))
