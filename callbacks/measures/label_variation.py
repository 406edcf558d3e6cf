"""Whether counterfactuals change labels that they were not asked to change."""

import torch
from pytorch_lightning import Callback, Trainer
from torch import Tensor, nn

from callbacks.measures.oracles import check_outputs, checkpoints_of, first_samples, frozen_models, with_logits
from counterfactuals.call import call
from lightning_modules import AttributesModule, CounterfactualModule, Explanation, load, load_predictor
from metrics import decision, label_variation
from networks.attributes import AttributeUnits
from networks.errors import InputError


class LabelVariation(Callback):
    """What other models say that changes from x to x′: of labels that exclude each other, and of attributes.

    A bystander for another label of the same images gives a column ``label_variation_NAME``, how much its opinion
    changes, 0 to 1 (``metrics.label_variation``), and where it has two classes ``shift_NAME``, by how much the second
    has become more probable. One for attributes, an ``AttributesModule``, gives ``shift_ATTRIBUTE`` for each: of binary
    ones the change of their probability, of measured ones that in their own unit; and ``label_variation_ATTRIBUTE`` of
    binary ones. The summary has their means, pair by pair, tested together (``metrics.shifts``).

    Further columns: the mean ``label_variation``, and ``attributes_changed``, of how many labels and binary attributes
    the decision changes, which is what Jacob et al. 2022 (STEEX, arXiv 2111.09094) average as MNAC.

    Args:
        bystanders: name → checkpoint of a ``ClassifierModule`` for another label of the same images, or of an
            ``AttributesModule``, or a module.

    Raises:
        InputError: no bystander, a checkpoint that cannot be used, one that says NaN of every sample, one whose labels
            do not exclude each other and have no names, or two for the same attribute.
    """

    def __init__(self, bystanders: dict[str, str | nn.Module]) -> None:
        if not bystanders:
            raise InputError("LabelVariation needs at least one bystander: bystanders: {glasses: runs/…/best.ckpt}")
        self.checkpoints = checkpoints_of(bystanders, "bystander")
        self.bystanders = frozen_models({name: _network(judge) for name, judge in bystanders.items()})
        seeing = [judge for judge in self.bystanders.values() if isinstance(judge, AttributesModule)]
        plain = [name for name, judge in self.bystanders.items() if not isinstance(judge, AttributesModule)]
        names = [*plain, *(name for judge in seeing for name in judge.units.names)]
        if twice := [name for i, name in enumerate(names) if name in names[:i]]:
            raise InputError(f"bystanders: {twice[0]!r} is there twice: rename one, or leave it out")

    def on_predict_start(self, trainer: Trainer, pl_module: CounterfactualModule) -> None:  # type: ignore[override]
        pl_module.checkpoints |= self.checkpoints
        x, problems = first_samples(trainer.datamodule).to(pl_module.device), []  # type: ignore[attr-defined]
        for name, bystander in self.bystanders.items():
            try:
                if isinstance(bystander, AttributesModule):
                    check_outputs(call(bystander.to(x.device), x))
                else:
                    self.bystanders[name] = with_logits(bystander, x, exclusive=True)
            except InputError as error:
                problems.append(f"bystander {name!r}: {error}")
        InputError.collect(problems)
        pl_module.listeners.append(lambda explanation: self._update(explanation, pl_module.device))

    @torch.no_grad()
    def _update(self, explanation: Explanation, device: torch.device) -> None:
        cf = explanation.counterfactuals
        columns: dict[str, Tensor] = {}
        turned: list[Tensor] = []
        for name, bystander in self.bystanders.items():
            before, after = (call(bystander, x.to(device)) for x in (cf.x, cf.counterfactual))
            if isinstance(bystander, AttributesModule):
                columns |= _of_attributes(bystander.units, before, after)
                turned += _turned(before > 0, after > 0, before + after)[:, bystander.units.binary].unbind(1)
            else:
                columns |= _of_classes(name, before, after)
                turned.append(_turned(decision(before), decision(after), decision(before) + decision(after)))
        variations = [values for name, values in columns.items() if name.startswith("label_variation_")]
        if variations:
            columns["label_variation"] = torch.stack(variations).mean(0)
            columns["attributes_changed"] = torch.stack(turned).sum(0)
        explanation.columns |= {name: values.cpu() for name, values in columns.items()}


def _network(judge: str | nn.Module) -> nn.Module:
    """Of a checkpoint the whole task, where it knows its attributes' names, otherwise its network."""
    if isinstance(judge, nn.Module):
        return judge
    try:
        return load_predictor(judge)
    except InputError as error:
        try:
            return load(judge, AttributesModule)
        except InputError as other:
            raise (other if "AttributesModule" in str(error) else error) from error


def _of_attributes(units: AttributeUnits, before: Tensor, after: Tensor) -> dict[str, Tensor]:
    shift = units.read(after) - units.read(before)
    columns = {f"shift_{name}": shift[:, i] for i, name in enumerate(units.names)}
    for i in units.binary.nonzero()[:, 0].tolist():
        columns[f"label_variation_{units.names[i]}"] = label_variation(_two(before[:, i]), _two(after[:, i]))
    return columns


def _of_classes(name: str, before: Tensor, after: Tensor) -> dict[str, Tensor]:
    columns = {f"label_variation_{name}": label_variation(before, after)}
    if before.shape[1] == 2:
        columns[f"shift_{name}"] = after.softmax(1)[:, 1] - before.softmax(1)[:, 1]
    return columns


def _two(logit: Tensor) -> Tensor:
    """Logits of absent and present, N×2."""
    return torch.stack([torch.zeros_like(logit), logit], 1)


def _turned(before: Tensor, after: Tensor, known: Tensor) -> Tensor:
    """1 where a decision is another one, NaN where there is none."""
    return torch.where(known.isnan(), torch.nan, (before != after).float())
