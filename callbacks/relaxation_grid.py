"""How a relaxation's counterfactuals fare at every r of its grid."""

from pathlib import Path

import torch
from pytorch_lightning import Callback, Trainer
from torch import Tensor, nn
from torchvision.utils import make_grid, save_image

from callbacks.judges import checkpoints_of, judges
from callbacks.logs import log_image, log_scalars
from counterfactuals import Relaxation
from counterfactuals.explain import call
from counterfactuals.freeze import frozen
from lightning_modules import CounterfactualModule, Explanation
from networks.errors import InputError

MODEL = "model"


class RelaxationGrid(Callback):
    """Success of the explained model, and the agreement of oracles, at every r: VAEX's Table III and Fig. 3.

    ``summary.json`` has ``relaxation``: for the ``model`` and every oracle a list of r, the share of the searched
    rows that it gives the target class at that r, and their number. ``figures/relaxation.png`` and W&B
    ``cf/relaxation`` show a row an image: x, its reconstruction, and x′ from the largest r to the smallest.

    Args:
        oracles: name → checkpoint of a ``ClassifierModule``, or a module; none for the model alone.
        num_samples: rows of the picture, those with the smallest indices.

    Raises:
        InputError: a method other than ``Relaxation``, or a checkpoint that cannot be used.
    """

    def __init__(self, oracles: dict[str, str | nn.Module] | None = None, num_samples: int = 8) -> None:
        self.checkpoints = checkpoints_of(oracles or {}, "oracle")
        self.oracles = judges(oracles or {})
        self.num_samples = num_samples
        self.shown: Explanation | None = None

    def setup(self, trainer: Trainer, pl_module: CounterfactualModule, stage: str) -> None:  # type: ignore[override]
        method = pl_module.searches[""][1]
        if not isinstance(method, Relaxation):
            raise InputError(
                f"RelaxationGrid looks at the grid of a Relaxation; the method here is {type(method).__name__}"
            )
        self.grid = method.grid

    def on_predict_start(self, trainer: Trainer, pl_module: CounterfactualModule) -> None:  # type: ignore[override]
        pl_module.checkpoints |= self.checkpoints
        self.shown = None
        judged = {
            MODEL: pl_module.predictor,
            **{name: oracle.to(pl_module.device) for name, oracle in self.oracles.items()},
        }
        zero = torch.zeros(len(self.grid), device=pl_module.device)
        self.hits = {name: zero.clone() for name in judged}
        self.searched = zero[:1].clone()
        pl_module.listeners.append(lambda explanation: self._update(explanation, judged, pl_module.device))

    @torch.no_grad()
    def _update(self, explanation: Explanation, judged: dict[str, nn.Module], device: torch.device) -> None:
        cf = explanation.counterfactuals
        if explanation.name or cf.path is None:
            return
        parts = [explanation] if self.shown is None else [self.shown, explanation]
        joined = Explanation.join(parts)
        self.shown = joined.take(torch.arange(min(self.num_samples, len(joined.index))))
        rows = cf.searched
        path, target = cf.path[rows].to(device), cf.target[rows].to(device)
        self.searched += len(path)
        for name, judge in judged.items():
            with frozen(judge):
                said = call(judge, path.flatten(0, 1)).argmax(1).view(-1, len(self.grid)) if len(path) else path
            self.hits[name] += (said == target[:, None]).float().sum(0) if len(path) else 0

    def on_predict_epoch_end(self, trainer: Trainer, pl_module: CounterfactualModule) -> None:  # type: ignore[override]
        searched = trainer.strategy.reduce(self.searched, reduce_op="sum")
        shares = {
            name: (trainer.strategy.reduce(hits, reduce_op="sum") / searched.clamp(min=1)).tolist()
            for name, hits in self.hits.items()
        }
        pl_module.summary["relaxation"] = {"r": list(self.grid), "n": int(searched.item()), "share": shares}
        for name, values in shares.items():
            log_scalars(trainer, {f"cf/relaxation/{name}/{r:g}": v for r, v in zip(self.grid, values, strict=True)})

    def on_predict_end(self, trainer: Trainer, pl_module: CounterfactualModule) -> None:  # type: ignore[override]
        if not trainer.is_global_zero or self.shown is None or len(pl_module.chart.shape) != 3:
            return
        folder = Path(trainer.default_root_dir) / "figures"
        folder.mkdir(parents=True, exist_ok=True)
        picture = rows_of(self.shown)
        save_image(picture, folder / "relaxation.png")
        log_image(trainer, "cf/relaxation", picture)


def rows_of(explanation: Explanation) -> Tensor:
    """x, decode(encode(x)), and x′ for every r, one row a search: C′×H′×W′."""
    cf = explanation.counterfactuals
    assert cf.path is not None
    frames = torch.cat([cf.x[:, None], cf.reconstruction[:, None], cf.path], 1)
    return make_grid(frames.flatten(0, 1), nrow=frames.shape[1], padding=1, pad_value=0.5)
