"""How a relaxation's counterfactuals fare at every r of its grid."""

import torch
from pytorch_lightning import Callback, Trainer
from torch import Tensor, nn
from torchvision.utils import make_grid

from callbacks.measures.oracles import checkpoints_of, first_samples, frozen_models, with_logits
from callbacks.tracking.logs import log_image, log_scalars
from counterfactuals import Relaxation
from counterfactuals.call import call
from counterfactuals.freeze import frozen
from counterfactuals.goals.objectives import probabilities
from lightning_modules import CounterfactualModule, Explanation
from networks.checks import whole
from networks.errors import InputError

MODEL = "model"


class RelaxationGrid(Callback):
    """Success with the explained model, and the agreement of oracles, at every r: VAEX's Table III and Fig. 3.

    ``summary.json`` has ``relaxation_grid``: the values of r, and for the ``model`` and every oracle the share of the
    searched rows that it gives the target class at each. Columns ``p_r0.8`` … are the model's probabilities of the
    target. The report and W&B's ``cf/relaxation`` show a row an image: x, its reconstruction, and x′ from the
    largest r to the smallest.

    Args:
        oracles: name → checkpoint of a ``ClassifierModule``, or a module; none for the model alone.
        num_samples: rows in W&B's picture, those with the smallest indices.

    Raises:
        InputError: a method other than ``Relaxation``, or a checkpoint that cannot be used.
    """

    def __init__(self, oracles: dict[str, str | nn.Module] | None = None, num_samples: int = 8) -> None:
        InputError.collect(whole(1, num_samples=num_samples))
        self.checkpoints = checkpoints_of(oracles or {}, "oracle")
        self.oracles = frozen_models(oracles or {})
        self.num_samples = num_samples

    def setup(self, trainer: Trainer, pl_module: CounterfactualModule, stage: str) -> None:  # type: ignore[override]
        method = pl_module.searches[""][1]
        if not isinstance(method, Relaxation):
            raise InputError(
                f"RelaxationGrid looks at the grid of a Relaxation; the method here is {type(method).__name__}"
            )
        self.grid = method.grid

    def on_predict_start(self, trainer: Trainer, pl_module: CounterfactualModule) -> None:  # type: ignore[override]
        pl_module.checkpoints |= self.checkpoints
        self.shown: Explanation | None = None
        x = first_samples(trainer.datamodule).to(pl_module.device)  # type: ignore[attr-defined]
        oracles = {name: with_logits(oracle, x) for name, oracle in self.oracles.items()}
        judged = {MODEL: pl_module.predictor, **oracles}
        self.hits = {name: torch.zeros(len(self.grid), device=pl_module.device) for name in judged}
        self.answers = {name: torch.zeros(len(self.grid), device=pl_module.device) for name in judged}
        pl_module.listeners.append(lambda explanation: self._update(explanation, judged, pl_module))

    @torch.no_grad()
    def _update(self, explanation: Explanation, judged: dict[str, nn.Module], pl_module: CounterfactualModule) -> None:
        cf, device = explanation.counterfactuals, pl_module.device
        if explanation.name or cf.path is None:
            return
        parts = [explanation] if self.shown is None else [self.shown, explanation]
        joined = Explanation.join(parts)
        self.shown = joined.take(torch.arange(min(self.num_samples, len(joined.index))))
        target, searched = cf.target.to(device)[:, None], cf.searched.to(device)[:, None]
        for name, judge in judged.items():
            with frozen(judge):
                logits = call(judge, cf.path.to(device).flatten(0, 1)).unflatten(0, (-1, len(self.grid)))
            answered = searched & ~logits.isnan().any(2)
            self.hits[name] += ((logits.argmax(2) == target) & answered).sum(0)
            self.answers[name] += answered.sum(0)
            if name == MODEL:
                p = probabilities(pl_module.objective, logits.flatten(0, 1)).view_as(logits)
                p = p.gather(2, target[:, None].expand(-1, len(self.grid), 1))[..., 0].cpu()
                explanation.columns |= {f"p_r{r:g}": p[:, i].clone() for i, r in enumerate(self.grid)}

    def on_predict_epoch_end(self, trainer: Trainer, pl_module: CounterfactualModule) -> None:  # type: ignore[override]
        total = lambda counts: trainer.strategy.reduce(counts, reduce_op="sum")  # noqa: E731
        shares = {
            name: (total(hits) / total(self.answers[name]).clamp(min=1)).tolist() for name, hits in self.hits.items()
        }
        pl_module.summary["relaxation_grid"] = {"r": list(self.grid), "share": shares}
        for name, values in shares.items():
            scalars = {f"cf/relaxation/{name}/{r:g}": v for r, v in zip(self.grid, values, strict=True)}
            log_scalars(trainer, scalars)

    def on_predict_end(self, trainer: Trainer, pl_module: CounterfactualModule) -> None:  # type: ignore[override]
        if self.shown is not None:
            log_image(trainer, "cf/relaxation", rows_of(self.shown))


def rows_of(explanation: Explanation) -> Tensor:
    """x, decode(encode(x)), and x′ for every r, one row a search: C′×H′×W′."""
    cf = explanation.counterfactuals
    assert cf.path is not None
    frames = torch.cat([cf.x[:, None], cf.reconstruction[:, None], cf.path], 1)
    return make_grid(frames.flatten(0, 1), nrow=frames.shape[1], padding=1, pad_value=0.5)
