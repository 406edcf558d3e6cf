"""Where the model looks, beside what would have to change."""

from pathlib import Path

import pandas as pd
import torch
from pytorch_lightning import Callback, Trainer
from safetensors.torch import save
from torch import Tensor

from attributions import Attribution, GradientTimesInput, Saliency
from callbacks.staging import results_folder
from counterfactuals.call import call
from counterfactuals.freeze import frozen
from counterfactuals.goals.objectives import probabilities
from datamodules import DataModule
from datamodules.base import Split
from lightning_modules import CounterfactualModule, Explanation
from metrics.attribution import area, deletion_insertion, rank_correlation, top_overlap
from networks.checks import objects, whole
from networks.errors import InputError
from networks.files import write_atomically

BATCH = 64
KEPT = 512  # images whose maps are kept, for several searches begin at one

Maps = dict[str, Tensor]


class Attributions(Callback):
    """Attribution A of the class that the model gives x, refined Â = A ⊙ P, and the change |x′ − x|, compared.

    P is a saliency of x alone (Hvilshøj 2020, *Improving explanations with probabilistic saliency estimation*). Columns
    of every result: ``attribution_rank`` and ``attribution_overlap``, the rank correlation of |A| with the change, and
    the share of the change's top tenth that is in |A|'s (0.1 by chance); ``refined_rank``, ``refined_overlap``; and of
    classes ``change_deletion`` and ``change_insertion``, the areas under the class's probability as the most changed
    pixels of x are blurred away, or come first. The chart's result has those of A and Â, too: ``deletion``,
    ``insertion``, ``refined_deletion``, ``refined_insertion``. Low deletion and high insertion are good.

    ``attributions.safetensors`` holds A and Â of the first rows, for the report.

    Args:
        attribution: A; ``GradientTimesInput`` unless given.
        saliency: P, such as ``ProbabilisticSaliency``; ``None`` for no refinement.
        steps: equal portions in which pixels go and come.
        shown: rows of the report's gallery that have maps.

    Raises:
        InputError: samples that are no images, a number out of its range, an attribution that the model has no layers
            for (as predict begins).
    """

    def __init__(
        self,
        attribution: Attribution | None = None,
        saliency: Saliency | None = None,
        steps: int = 20,
        shown: int = 500,
    ) -> None:
        InputError.collect(
            objects(Attribution, attribution=attribution)
            + objects(Saliency, saliency=saliency)
            + whole(1, steps=steps)
            + whole(0, shown=shown)
        )
        self.attribution, self.saliency = attribution or GradientTimesInput(), saliency
        self.steps, self.shown = steps, shown
        self.known: dict[int, Maps] = {}

    def on_predict_start(self, trainer: Trainer, pl_module: CounterfactualModule) -> None:  # type: ignore[override]
        data: DataModule = trainer.datamodule  # type: ignore[attr-defined]  # Lightning attaches it at run time
        if len(data.shape) != 3:
            raise InputError(f"Attributions makes maps of images; the samples here are of {data.shape}: leave it out")
        self.known, split = {}, data.split(data.predict_split)
        first = data.predict_selection().positions[:2].tolist()
        self._maps(pl_module, split.__getitems__(first)["x"])
        pl_module.listeners.append(lambda explanation: self._update(explanation, pl_module))
        folder = results_folder(trainer)
        pl_module.finishers.append(lambda table, result: self._save_shown(table, result, pl_module, split, folder))

    def _maps(self, pl_module: CounterfactualModule, x: Tensor) -> Maps:
        """Of images n×C×H×W, on the device: "attribution" and "refined", n×H×W."""
        x, predictor = x.to(pl_module.device), pl_module.predictor
        with frozen(predictor), torch.inference_mode(False), torch.enable_grad():
            x = x.clone()  # one that a gradient can be taken at
            with torch.no_grad():
                said = pl_module.objective.prediction(call(predictor, x))
            maps = {"attribution": self.attribution.maps(predictor, x, None if said.is_floating_point() else said)}
        if self.saliency is not None:
            maps["refined"] = maps["attribution"] * self.saliency.maps(x)
        return maps

    def _of(self, explanation: Explanation, pl_module: CounterfactualModule) -> Maps:
        """Of the originals of searches that have just ended; each image's once."""
        index, x = explanation.index.tolist(), explanation.counterfactuals.x
        new = {i: row for row, i in enumerate(index) if i not in self.known}
        if len(self.known) + len(new) > KEPT:
            self.known = {i: self.known[i] for i in set(index) & self.known.keys()}
        if new:
            rows = torch.tensor(list(new.values()))
            made = [self._maps(pl_module, x[part]) for part in rows.split(BATCH)]
            joined = {name: torch.cat([maps[name] for maps in made]) for name in made[0]}
            self.known |= {i: {name: m[k] for name, m in joined.items()} for k, i in enumerate(new)}
        return {name: torch.stack([self.known[i][name] for i in index]) for name in self.known[index[0]]}

    @torch.no_grad()
    def _update(self, explanation: Explanation, pl_module: CounterfactualModule) -> None:
        cf, maps = explanation.counterfactuals, self._of(explanation, pl_module)
        change = (cf.counterfactual - cf.x).abs().sum(1).to(pl_module.device)
        columns: dict[str, Tensor] = {}
        for name, a in maps.items():
            columns[f"{name}_rank"] = rank_correlation(a.abs(), change)
            columns[f"{name}_overlap"] = top_overlap(a.abs(), change)
        if not cf.source.is_floating_point():
            named = {"": maps["attribution"], "refined_": maps.get("refined")} if not explanation.name else {}
            for name, importance in {**named, "change_": change}.items():
                if importance is not None:
                    columns |= self._areas(name, cf.x, cf.source, importance, pl_module)
        explanation.columns |= {name: values.cpu() for name, values in columns.items()}

    def _areas(
        self, name: str, x: Tensor, source: Tensor, importance: Tensor, pl_module: CounterfactualModule
    ) -> dict[str, Tensor]:
        x, source = x.to(pl_module.device), source.to(pl_module.device)

        def probability(images: Tensor) -> Tensor:
            p = probabilities(pl_module.objective, call(pl_module.predictor, images))
            return p.gather(1, source[:, None])[:, 0]

        with frozen(pl_module.predictor):
            curves = deletion_insertion(probability, x, importance, self.steps)
        return {f"{name}deletion": area(curves.deletion), f"{name}insertion": area(curves.insertion)}

    def _save_shown(
        self, table: pd.DataFrame, result: str, pl_module: CounterfactualModule, split: Split, folder: Path
    ) -> pd.DataFrame:
        if not result and self.shown:
            shown = torch.from_numpy(table["index"].to_numpy()[: self.shown].copy())
            index, place = shown.unique(return_inverse=True)  # several rows may be of one image
            made = [self._maps(pl_module, split.__getitems__(part.tolist())["x"]) for part in index.split(BATCH)]
            maps = {name: torch.cat([signed_bytes(m[name]) for m in made])[place] for name in made[0]}
            write_atomically(folder / "attributions.safetensors", lambda file: file.write_bytes(save(maps)))
        return table


def signed_bytes(maps: Tensor) -> Tensor:
    """Maps n×H×W as bytes: 128 is nothing, 1 and 255 are ∓ the map's own largest."""
    largest = maps.abs().flatten(1).amax(1).clamp(min=torch.finfo(maps.dtype).tiny)
    return (128 + 127 * maps / largest[:, None, None]).nan_to_num(128.0).round().byte().cpu()
