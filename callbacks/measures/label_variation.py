"""Whether counterfactuals change labels that they were not asked to change."""

import torch
from pytorch_lightning import Callback, Trainer
from torch import nn

from callbacks.measures.oracles import checkpoints_of, first_samples, frozen_models, with_logits
from counterfactuals.call import call
from lightning_modules import CounterfactualModule, Explanation
from metrics import decision, label_variation
from networks.errors import InputError


class LabelVariation(Callback):
    """A column ``label_variation_NAME`` a bystander: how much its opinion changes from x to x′, 0 to 1; and their mean.

    See ``metrics.label_variation``. And a column ``attributes_changed``: of how many bystanders the decision changes,
    which is what Jacob et al. 2022 (STEEX, arXiv 2111.09094) average as MNAC.

    Args:
        bystanders: name → checkpoint of a ``ClassifierModule`` for another label of the same images, or a module.

    Raises:
        InputError: no bystander, a checkpoint that cannot be used, one that says NaN of every sample, or one whose
            labels do not exclude each other.
    """

    def __init__(self, bystanders: dict[str, str | nn.Module]) -> None:
        if not bystanders:
            raise InputError("LabelVariation needs at least one bystander: bystanders: {glasses: runs/…/best.ckpt}")
        self.checkpoints = checkpoints_of(bystanders, "bystander")
        self.bystanders = frozen_models(bystanders)

    def on_predict_start(self, trainer: Trainer, pl_module: CounterfactualModule) -> None:  # type: ignore[override]
        pl_module.checkpoints |= self.checkpoints
        x, problems = first_samples(trainer.datamodule), []  # type: ignore[attr-defined]
        for name, bystander in self.bystanders.items():
            try:
                self.bystanders[name] = with_logits(bystander, x.to(pl_module.device), exclusive=True)
            except InputError as error:
                problems.append(f"bystander {name!r}: {error}")
        InputError.collect(problems)
        pl_module.listeners.append(lambda explanation: self._update(explanation, pl_module.device))

    @torch.no_grad()
    def _update(self, explanation: Explanation, device: torch.device) -> None:
        cf = explanation.counterfactuals
        changed = torch.zeros(len(cf))
        for name, bystander in self.bystanders.items():
            before, after = (call(bystander, x.to(device)) for x in (cf.x, cf.counterfactual))
            explanation.columns[f"label_variation_{name}"] = label_variation(before, after).cpu()
            turned = (decision(before) - decision(after)).cpu()
            changed += torch.where(turned.isnan(), torch.nan, (turned != 0).float())
        explanation.columns["attributes_changed"] = changed
        each = [explanation.columns[f"label_variation_{name}"] for name in self.bystanders]
        explanation.columns["label_variation"] = torch.stack(each).mean(0)
