"""What a predictor must be, looked at on samples before the first search."""

from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.parameter import UninitializedBuffer, UninitializedParameter

from counterfactuals.call import attempt
from counterfactuals.freeze import frozen
from counterfactuals.goals.labels import ReachLabel
from counterfactuals.goals.objectives import Objective, ReachClass
from counterfactuals.goals.targets import FewAndMany, Shift, Value, Values
from networks.adapter import Adapter, name_of
from networks.answers import Outputs, check_fits, check_rows, kind_of
from networks.errors import InputError
from networks.placement import tensors_of
from networks.precision import exact

SAME = 0.02  # two answers to one sample differ by less, in units of the largest answer; half precision rounds by 0.01
NOISE = 16  # images of noise that outputs are looked at for, too: a few samples may lie in [0, 1] by chance
FAR = 100.0  # times the range of images
#: what was said that outputs are → what they look like, and cannot be then
NO_LOGITS = {
    "logits": ("probabilities", "multi-label probabilities"),
    "multi-label": ("probabilities", "multi-label probabilities"),
    "single logit": ("single probability",),
}


class Contract(NamedTuple):
    """A predictor that has been looked at.

    Attributes:
        predictor: x → logits of B×K or values: the network itself, or an ``Adapter`` around it.
        outputs: what the network returns (``networks.answers.Outputs``).
        remarks: a sentence each on what was noticed, and does not keep a search from running.
    """

    predictor: nn.Module
    outputs: str
    remarks: list[str]


def understand(predictor: nn.Module, x: Tensor, of_values: bool, gradient: bool = True) -> Contract:
    """Look at a predictor's answers to real samples: what they are, and whether a search can work with them.

    Args:
        predictor: any network, or an ``Adapter``, whose settings count.
        x: samples, B×``shape``, where the predictor is.
        of_values: one number a sample is a value, and no answer to yes or no.
        gradient: whether searches need one.

    Raises:
        InputError: the predictor fails, whatever it raises; answers that are no logits, probabilities or values, that
            are NaN for every sample, that depend on other samples of the batch, or that have no gradient.
    """
    check_made(predictor)
    adapter = predictor if isinstance(predictor, Adapter) else Adapter(predictor)
    two = torch.cat([x, x])[:2] if len(x) < 2 else x[:2]
    remarks = []
    with frozen(predictor), exact(x.device):
        with torch.no_grad():
            if _works_in_place(adapter, two):
                adapter.own_copy = True
                remarks.append(f"{name_of(adapter)} changes its input in place: it is given copies")
            remarks += _found(adapter, x, of_values)
            remarks += _function(adapter, two)
            needed = adapter is predictor or not adapter.plain or adapter.unpacks(two)
        if gradient:
            remarks += _gradient(adapter, two)
    return Contract(adapter if needed else predictor, str(adapter.outputs), remarks)


def check_made(predictor: nn.Module) -> None:
    """Raise ``InputError`` where layers have no weights yet (``nn.LazyLinear`` and the like)."""
    if any(isinstance(p, (UninitializedParameter, UninitializedBuffer)) for p in tensors_of(predictor)):
        raise InputError(
            f"{name_of(predictor)} has lazy layers that have never seen an image, and so no weights: train it, or load "
            "them"
        )


def wants_values(objective: Objective) -> bool:
    """Whether an objective is for predictors that return one value a sample."""
    try:
        return objective.prediction(torch.zeros(2, 1)).is_floating_point()
    except Exception:  # it is for classes, and says so in its own way
        return False


def of_values(objective: Objective, target: Any) -> bool:
    """Whether objective or target policy is for predictors that return one value a sample.

    Of the two, one for values is meant to be: a class is what is asked for where nothing is said.
    """
    return wants_values(objective) or isinstance(target, (Value, Values, Shift, FewAndMany))


def needs_gradient(method: Any) -> bool:
    """Whether a method takes gradients."""
    return getattr(method, "needs_gradient", True)


def suited(objective: Objective, outputs: str) -> Objective:
    """The objective itself; for labels that do not exclude each other, ``ReachLabel`` in the place of ``ReachClass``.

    Raises:
        InputError: the objective is for other outputs.
    """
    if outputs.startswith("multi-label"):
        if type(objective) is ReachClass:
            return ReachLabel(objective.confidence)
        if not isinstance(objective, ReachLabel):
            raise InputError(
                f"objective {type(objective).__name__} is not for labels that do not exclude each other: use "
                "ReachLabel, or name one label in networks.Adapter"
            )
    elif isinstance(objective, ReachLabel) and outputs != "logits":
        raise InputError(f"objective ReachLabel is for multi-label models; the outputs of this one are {outputs}")
    return objective


def _works_in_place(adapter: Adapter, x: Tensor) -> bool:
    given = x.clone()
    attempt(adapter.answer, given, adapter)
    return not torch.equal(given.nan_to_num(), x.nan_to_num())


def _found(adapter: Adapter, x: Tensor, of_values: bool) -> list[str]:
    """Settle what the outputs are; a remark where that is no matter of course."""
    answers, who = attempt(adapter.answer, x, adapter), name_of(adapter)
    check_rows(answers, len(x), who)
    known = _known(torch.cat([answers, *_of_noise(adapter, x)]))
    if not len(known):
        raise InputError(f"{who} gives NaN for all samples that were tried: look at its weights")
    seen, said = kind_of(known, of_values), _said(adapter)
    if said is not None:
        check_fits(answers, said, who)
        if seen in NO_LOGITS.get(said, ()):
            raise InputError(
                f"{who} returns numbers in [0, 1], also for what is no image: they are {seen}, and no {said}; say so "
                "in outputs of networks.Adapter"
            )
        adapter.outputs = said
        return []
    if _are_percentages(known):
        raise InputError(f"{who} returns percentages, which add up to 100: let it return probabilities, or logits")
    adapter.outputs = seen
    remark = {
        "probabilities": "probabilities, which add up to 1: their logarithms are taken for logits",
        "single logit": "the one logit of a model of two classes",
        "single probability": "the one probability of a model of two classes, since they lie in [0, 1]",
        "multi-label probabilities": "probabilities of labels that do not exclude each other: they lie in [0, 1] and "
        "do not add up to 1",
    }.get(seen)
    if remark is None:
        return []
    return [f"the outputs of {who} are taken for {remark} (networks.Adapter's outputs says otherwise)"]


def _said(adapter: Adapter) -> Outputs | None:
    """What the user, or a network that knows it, says that the outputs are; of one label what is left of them."""
    said: Outputs | None = adapter.outputs or getattr(adapter.network, "outputs", None)
    if adapter.label is None or said is None or not said.startswith("multi-label"):
        return said
    return "single probability" if said == "multi-label probabilities" else "single logit"


def _are_percentages(answers: Tensor) -> bool:
    if answers.ndim != 2 or answers.shape[1] < 2:
        return False
    return bool((answers >= 0).all() and ((answers.sum(1) - 100).abs() < 0.5).all())


def _of_noise(adapter: Adapter, x: Tensor) -> list[Tensor]:
    """Answers to noise, and to noise far beyond images, where logits grow and probabilities do not."""
    noise = torch.rand(NOISE, *x.shape[1:], generator=torch.Generator().manual_seed(0)).to(x)
    try:
        return [adapter.answer(far * noise) for far in (1, FAR, -FAR)]
    except Exception:  # a network may refuse what is no image
        return []


def _known(answers: Tensor) -> Tensor:
    """The rows without NaN."""
    return answers[~answers.view(len(answers), -1).isnan().any(1)]


def _function(adapter: Adapter, two: Tensor) -> list[str]:
    """That an answer is one, and the sample's own."""
    together, again = (attempt(adapter, two, adapter) for _ in range(2))
    scale = float(together.nan_to_num(0, 0, 0).abs().max()) + 1e-6
    if (differs := _difference(together, again)) > 1e-4 * scale:
        return [
            f"{name_of(adapter)} answers the same image differently each time, by up to {differs:.2g}: is dropout or "
            "noise left on? What is reported is one draw of it"
        ]
    alone = attempt(adapter, two[:1], adapter)
    if alone.shape != together[:1].shape:
        raise InputError(
            f"{name_of(adapter)} returned shape {tuple(alone.shape)} for one sample, {tuple(together.shape)} for two: "
            "take squeeze() out of it, or give it the dimension that it is to take away"
        )
    if (differs := _difference(alone, together[:1])) > SAME * scale:
        raise InputError(
            f"{name_of(adapter)} answers an image differently when another is beside it, by {differs:.2g}: results "
            "would depend on the batch. Does it normalise by the batch (BatchNorm without running statistics)?"
        )
    return []


def _difference(a: Tensor, b: Tensor) -> float:
    same = (a == b) | (a.isnan() & b.isnan())
    return float(torch.where(same, 0, (a - b).abs()).max())


def _no_gradient(adapter: Adapter) -> str:
    return (
        f"{name_of(adapter)} returns values without a gradient, which this search climbs: take detach(), "
        "torch.no_grad(), numpy and quantised layers out of it, or search with LatentSearch"
    )


def _gradient(adapter: Adapter, two: Tensor) -> list[str]:
    x = two.clone().requires_grad_()
    with torch.enable_grad():
        answers = attempt(adapter, x.clone(), adapter)  # no leaf: what it does in place, it may
        if not answers.requires_grad:
            raise InputError(_no_gradient(adapter))
        answers = answers.view(len(answers), -1)
        weights = torch.linspace(1, 2, answers.shape[1]).to(answers)  # a sum of probabilities' logarithms may be flat
        (grad,) = torch.autograd.grad((answers * weights).sum(), x, allow_unused=True)
    if grad is None:
        raise InputError(_no_gradient(adapter))
    if not grad.isfinite().all():
        return [f"the gradient of {name_of(adapter)} is not finite on images as they are: such searches will fail"]
    if not grad.any():
        return [
            f"the gradient of {name_of(adapter)} is zero on images as they are: a search by gradients has nothing to "
            "climb. Are its outputs rounded, or probabilities of exactly 0 and 1? Give logits, or use LatentSearch"
        ]
    return []
