"""Counterfactuals of any predictor on any chart, from a notebook or from a predict loop."""

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor, nn

from counterfactuals.arguments import check_range, problems_with, searches_for
from counterfactuals.ascent import Ascent
from counterfactuals.charts import Chart
from counterfactuals.engine import Finished, Method, Particular, Problem, find_slots, lost_device, out_of_memory, run
from counterfactuals.freeze import frozen
from counterfactuals.held import modules_in
from counterfactuals.objectives import Objective, ReachClass
from counterfactuals.result import Counterfactuals
from counterfactuals.targets import Searches, TargetPolicy
from networks.errors import InputError
from networks.placement import misplaced
from networks.precision import exact


def explain(
    predictor: nn.Module,
    chart: Chart,
    x: Tensor,
    target: float | Sequence[float] | Tensor | TargetPolicy,
    method: Method | None = None,
    objective: Objective | None = None,
    slots: int | None = None,
) -> Counterfactuals:
    """What would have to change in x for the predictor to decide for ``target``?

    Args:
        predictor: x → logits of B×K, K ≥ 2, or values of B or B×1; any ``nn.Module`` that normalises
            inside itself. It is frozen while the search runs and left as it was.
        chart: coordinates to search in; ``PixelChart(shape)`` gives adversarial examples.
        x: B×``chart.shape``, float32, on the device of predictor and chart.
        target: one class or value, one for each sample (B), or a policy such as ``RunnerUp()``.
        method: how to search; ``Ascent()`` unless given.
        objective: when to be content; ``ReachClass(0.99)`` unless given. For values ``AtLeast``,
            ``AtMost`` or ``Within``.
        slots: searches under way at a time; ``None`` for as many as pay.

    Returns:
        One row a search: B rows, or more where the policy asks for several targets a sample or the
        method gives several counterfactuals (then ordered by sample).

    Raises:
        InputError: arguments of another kind, shapes, devices or types that do not fit, images outside of the range
            that the method clips to, a target out of range, a policy that asks for no search, a predictor that changes
            its input in place, or inference mode.
    """
    InputError.collect(problems_with(predictor, chart, x, method, objective, slots))
    objective, method = objective or ReachClass(), method or Ascent()
    if isinstance(method, Particular):
        method.check(chart)
    check_range(x, clip_of(method))
    chart.explaining(predictor)
    for network in modules_in(method, objective):
        check_place(network, x)
    with frozen(predictor, chart):
        searches = plan(predictor, chart, x, target, objective)
        if not len(searches.rows):
            raise InputError(f"nothing to search for: {type(target).__name__} asks for none of these {len(x)} samples")
        finished = list(search(predictor, chart, x[searches.rows], searches.target, method, objective, slots))
    rows = torch.cat([f.rows for f in finished])
    return Counterfactuals.join([f.counterfactuals for f in finished]).take(rows.argsort(stable=True))


def plan(
    predictor: nn.Module,
    chart: Chart,
    x: Tensor,
    target: float | Sequence[float] | Tensor | TargetPolicy,
    objective: Objective,
) -> Searches:
    """Which searches a batch asks for; checks everything that can be checked before the first step."""
    with torch.no_grad(), exact(x.device):
        _check_samples(chart, x)
        logits = call(predictor, x)
        said = objective.says(logits)
    return searches_for(target, logits, said)


def search(
    predictor: nn.Module,
    chart: Chart,
    x: Tensor,
    target: Tensor,
    method: Method | None = None,
    objective: Objective | None = None,
    slots: int | None = None,
) -> Iterator[Finished]:
    """Run planned searches in float32 with predictor and chart frozen; they come as they end (see ``engine.run``)."""
    _check_gradients()
    problem = Problem(predictor, chart, objective or ReachClass())
    with frozen(predictor, chart), exact(x.device):
        yield from run(method or Ascent(), problem, x.float(), target, slots)


def slots_that_pay(
    predictor: nn.Module, chart: Chart, x: Tensor, target: Tensor, method: Method, objective: Objective
) -> int:
    """What ``search`` would take without ``slots``; for many batches of one kind (see ``find_slots``)."""
    _check_gradients()
    with frozen(predictor, chart), exact(x.device):
        return find_slots(method, Problem(predictor, chart, objective), x.float(), target)


def clip_of(method: Method) -> tuple[float, float] | None:
    """The range that a method clips decoded samples to, itself or by the ascents that it is made of."""
    return getattr(getattr(method, "ascent", method), "clip", None)


def call(predictor: nn.Module, x: Tensor) -> Tensor:
    """predictor(x), logits of B×K or values of B or B×1, with one clear error where they do not fit together.

    Raises:
        InputError: weights on another device or of another type than x, another shape than the predictor's, or
            outputs that are neither. What says nothing of the input, such as a device that is out of memory or lost,
            is raised as it is.
    """
    mine = x.clone()
    try:
        logits = predictor(mine)
    except RuntimeError as error:
        if out_of_memory(error) or lost_device(error):
            raise
        raise InputError(_cannot_take(predictor, x, error)) from error
    name = type(predictor).__name__
    if not isinstance(logits, Tensor):
        raise InputError(f"{name} must return a tensor of logits or values; it returned a {type(logits).__name__}")
    if not logits.is_floating_point():
        kind = str(logits.dtype).removeprefix("torch.")
        raise InputError(f"{name} must return logits or values, which are floating-point numbers; it returned {kind}")
    if not torch.equal(mine.nan_to_num(), x.nan_to_num()):
        raise InputError(
            f"{name} changes the images that it is given in place, as in x -= mean: a search would go wrong without a "
            "word. Let it make new ones, as in x = x - mean"
        )
    if logits.ndim not in (1, 2) or len(logits) != len(x) or logits.numel() == 0:
        raise InputError(
            f"{name} must return logits of B×K with K ≥ 2, or one value a sample, of B or B×1; "
            f"for {len(x)} samples it returned shape {tuple(logits.shape)}"
        )
    return logits


def check_place(network: nn.Module, x: Tensor) -> None:
    """Raise ``InputError`` where a network is on another device, or of another type, than the samples."""
    if (problem := misplaced(network, x)) is not None:
        raise InputError(f"{type(network).__name__} cannot take these samples: {problem}")


def _check_gradients() -> None:
    if torch.is_inference_mode_enabled():
        raise InputError(
            "a search needs gradients, and torch.inference_mode is on: build the Trainer with inference_mode=False "
            "(explain.py does), or use torch.no_grad instead"
        )


def _cannot_take(predictor: nn.Module, x: Tensor, error: RuntimeError) -> str:
    """What does not fit: device or type, which can be seen, or what the network itself says of this shape."""
    name = type(predictor).__name__
    if (problem := misplaced(predictor, x)) is not None:
        return f"{name} cannot take these samples: {problem}"
    if "device" in str(error):  # constants that are neither parameters nor buffers, so nothing moves them
        return (
            f"{name} cannot take samples on {x.device}: something in it stays on another device, though its weights "
            f"are there. Register its tensors with register_buffer, and make new ones on x.device ({error})"
        )
    shape = getattr(predictor, "shape", None)
    made_for = f" (it was made for {tuple(shape)})" if shape is not None else ""
    return f"{name} cannot take images of shape {tuple(x.shape[1:])}{made_for}: {error}"


def _check_samples(chart: Chart, x: Tensor) -> None:
    if tuple(x.shape[1:]) != chart.shape:
        raise InputError(
            f"samples of shape {tuple(x.shape[1:])} do not fit the chart, which was trained on {chart.shape}: "
            "load them at that size and number of channels, or train a chart on these"
        )
    check_place(chart, x)
    if len(x) == 0:
        raise InputError("there is no sample to explain: x is empty")
