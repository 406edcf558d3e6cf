"""What a run has understood of the model that it explains, before the first search."""

import re
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from counterfactuals.call import call
from counterfactuals.contract import needs_gradient, of_values, suited, understand, wants_values
from counterfactuals.engine import Method
from counterfactuals.freeze import frozen
from counterfactuals.goals.objectives import Objective
from counterfactuals.goals.targets import TargetPolicy
from datamodules.folders.layouts import folded
from metrics.agreement import agreement
from networks.adapter import Adapter, inside, name_of
from networks.errors import InputError
from networks.placement import device_of, tensors_of
from networks.precision import exact

LOOKED_AT = 64  # samples
NAMELESS = re.compile(r"LABEL_\d+")  # what transformers calls classes that were given no names
NONE_IS_ON = -5.0  # a logit whose sigmoid is below 0.7 %


class Understood(NamedTuple):
    """The model as the searches see it.

    Attributes:
        predictor: x → logits in the order of the data's classes, or values.
        objective: the one given, or its like for the model's outputs.
        samples: what it was looked at on, n×``shape``.
        lines: what to say at the start of a run: what the model is, then a remark each.
        warnings: of the lines those that make the results doubtful.
    """

    predictor: nn.Module
    objective: Objective
    samples: Tensor
    lines: list[str]
    warnings: list[str]


def understood(
    predictor: nn.Module, objective: Objective, target: TargetPolicy, methods: Iterable[Method], data: Any
) -> Understood:
    """Look at a model's answers to samples of the split to be explained.

    Raises:
        InputError: the model fails (see ``contract.understand``), its classes are not the data's, or the objective is
            for values and the data has classes.
    """
    x, y = _some(data, predictor)
    classes = data.task == "classification"
    if classes and wants_values(objective):
        raise InputError(
            f"objective {type(objective).__name__} is for values, and {type(data).__name__} has classes "
            f"({', '.join(data.class_names):.100}): use ReachClass, which takes a model with one output for one of two "
            "classes"
        )
    predictor, remarks = _as_float32(predictor)
    values = of_values(objective, target) or not classes
    predictor, outputs, more = understand(predictor, x, values, any(needs_gradient(method) for method in methods))
    remarks += more
    suits = suited(objective, outputs)
    if suits is not objective:
        remarks.append(f"the objective is {type(suits).__name__} instead of {type(objective).__name__}")
    if classes:
        predictor, more = _arranged(predictor, x, data)
        remarks += more
        if outputs.startswith("single") and data.num_classes == 2:
            order = predictor.order if isinstance(predictor, Adapter) else None
            yes = 1 if order is None or order[1] == 1 else 0
            remarks.append(f"its one output speaks for {data.class_names[yes]}, against {data.class_names[1 - yes]}")
    with frozen(predictor), torch.no_grad(), exact(x.device):
        said = call(predictor, x)
    line = f"The model: {name_of(predictor)}"
    warnings: list[str] = []
    if classes:
        InputError.collect(class_problem(said, data))
        line, warnings = _agreement(f"{line}, {outputs}", predictor, said, y, data)
        if outputs == "logits" and bool((said.amax(1) < NONE_IS_ON).all()):
            warnings.append(
                f"all its logits are below {NONE_IS_ON:g}: if its labels do not exclude each other (a sigmoid each), "
                "none is on; then pass outputs: multi-label to networks.Adapter"
            )
    elif said.numel() == len(said):  # else the objective says what is wrong
        line, warnings = _error(f"{line}, values", said.flatten(), y)
    return Understood(predictor, suits, x, [line, *remarks, *warnings], warnings)


def _some(data: Any, predictor: nn.Module) -> tuple[Tensor, Tensor]:
    """Samples and labels, spread over what is to be explained; float32, where the predictor's weights are."""
    selection = data.predict_selection()
    n = min(LOOKED_AT, len(selection))
    batch = selection.__getitems__(torch.linspace(0, len(selection) - 1, n).round().long().tolist())
    return batch["x"].to(device_of(predictor)), batch["y"]


def _as_float32(predictor: nn.Module) -> tuple[nn.Module, list[str]]:
    types = {t.dtype for t in tensors_of(predictor) if t.is_floating_point()} - {torch.float32}
    if not types:
        return predictor, []
    names = " and ".join(sorted(str(t).removeprefix("torch.") for t in types))
    return predictor.float(), [f"the weights of {name_of(predictor)} are {names}: they are taken as float32"]


def _arranged(predictor: nn.Module, x: Tensor, data: Any) -> tuple[nn.Module, list[str]]:
    """The predictor with its outputs in the order of the data's classes, by the names that it or the user gives."""
    given = predictor.class_names if isinstance(predictor, Adapter) else None
    own = given or getattr(inside(predictor), "class_names", None)
    if own is None:
        return predictor, []
    if isinstance(predictor, Adapter) and predictor.label is not None:
        return _speaking(predictor, own, data), []
    with frozen(predictor), torch.no_grad():
        width = call(predictor, x[:2]).shape[-1]
    if len(own) != width:
        raise InputError(f"class_names names {len(own)} classes, {name_of(predictor)} returns {width}: name them all")
    where = {folded(name): i for i, name in enumerate(own)}
    order = [where.get(folded(name)) for name in data.class_names]
    if None in order:
        missing = [name for name, i in zip(data.class_names, order, strict=True) if i is None]
        if given is None and width == data.num_classes and all(map(NAMELESS.fullmatch, own)):
            return predictor, [f"its classes, {_listed(own)}, are taken for the data's, {_listed(data.class_names)}"]
        raise InputError(
            f"the model's classes are {_listed(own)}; {_listed(missing)}, of {type(data).__name__}, "
            f"{'is' if len(missing) == 1 else 'are'} not among them: name the outputs as the data's classes are named, "
            "with class_names of networks.Adapter"
        )
    if order == list(range(width)):
        return predictor, []
    adapter = predictor if isinstance(predictor, Adapter) else Adapter(predictor, outputs="logits")
    adapter.order = torch.tensor(order, device=x.device)
    remarks = [f"its outputs, {_listed(own)}, are brought into the order of the data, {_listed(data.class_names)}"]
    if rest := width - len(order):
        remarks = [
            f"{len(order)} of its {width} outputs are the data's classes, {_listed(data.class_names)}; the other "
            f"{rest} are left out, and probabilities are those among the data's classes"
        ]
    return adapter, remarks


def _speaking(adapter: Adapter, own: Sequence[str], data: Any) -> Adapter:
    """The adapter with its one label's class, of two, where the data have it."""
    label, classes = adapter.label or 0, [folded(c) for c in data.class_names]
    if data.num_classes != 2:
        return adapter
    if label >= len(own):
        raise InputError(f"class_names names {len(own)} classes, and label is {label}, counted from 0: name them all")
    name = own[label]
    if folded(name) not in classes:
        raise InputError(
            f"label {name!r} is none of the data's classes, {_listed(data.class_names)}: give it the name of the class "
            "that it speaks for, in label and in class_names of networks.Adapter"
        )
    if classes.index(folded(name)) == 0:
        adapter.order = torch.tensor([1, 0], device=device_of(adapter))
    return adapter


def _listed(names: Sequence[str]) -> str:
    shown = ", ".join(names[:8])
    return f"{shown}, … ({len(names)})" if len(names) > 8 else shown


def class_problem(said: Tensor, data: Any) -> list[str]:
    """The sentence on logits, B×K, for other classes than the data's."""
    if said.ndim != 2 or said.shape[1] == data.num_classes:
        return []
    return [
        f"the predictor has {said.shape[1]} classes, but {type(data).__name__} has {data.num_classes} "
        f"({', '.join(data.class_names):.200}): explain it on the classes that it was trained on, or say which of its "
        "outputs these are, with class_names of networks.Adapter"
    ]


def _error(line: str, said: Tensor, y: Tensor) -> tuple[str, list[str]]:
    """What the model is and how far its values are from the labels; and a warning where their mean would be as near."""
    y = y.float()
    error = float((said.cpu() - y).square().mean().sqrt())
    line += f"; on {len(y)} samples they differ from the labels by {error:.3g} (root mean square)"
    spread = float(y.std(correction=0))
    if error < spread or len(y) < 2:
        return line, []
    warning = f"the model's values are no nearer to the labels than these are to their mean, {spread:.3g}"
    return line, [f"{warning}: has it been trained, in the labels' unit, and for these images as they are read here?"]


def _agreement(line: str, predictor: nn.Module, said: Tensor, y: Tensor, data: Any) -> tuple[str, list[str]]:
    """What the model is and how often it says what the labels say; and a warning where that is near chance."""
    found = agreement(said.argmax(1).cpu().numpy(), y.numpy(), data.num_classes)
    share = found.agree / found.n
    line += f" of {data.num_classes} classes ({_listed(data.class_names)})"
    line += f"; it agrees with the labels of {found.agree} of {found.n} samples ({share:.0%})"
    if not found.by_chance and found.order is None:
        return line, []
    warning = f"the model contradicts {1 - share:.0%} of the labels"
    if found.order is None:
        return line, [f"{warning}, as guessing would: is it trained, and for these images as they are read here?"]
    if isinstance(predictor, Adapter) and predictor.label is not None:
        return line, [f"{warning}: does its label speak for the other class?"]
    names = _reordered(predictor, found.order, data.class_names)
    return line, [
        f"{warning}: is the order of its classes another? In the order {_listed(names)} it would agree with "
        f"{found.ordered / found.n:.0%}: pass class_names of networks.Adapter"
    ]


def _reordered(predictor: nn.Module, order: Sequence[int], classes: Sequence[str]) -> list[str]:
    """Names of the network's own outputs by which the ``order``-th of those that are used now is each class."""
    now, own = (predictor.order, predictor.class_names) if isinstance(predictor, Adapter) else (None, None)
    used = list(range(len(classes))) if now is None else now.tolist()
    names = list(own or getattr(inside(predictor), "class_names", None) or classes)
    for i, name in zip(order, classes, strict=True):
        names[used[i]] = name
    return names
