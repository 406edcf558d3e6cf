"""Counterfactuals of any predictor on any chart, from a notebook or from a predict loop."""

from collections.abc import Iterator

import torch
from torch import Tensor, nn

from counterfactuals.ascent import Ascent
from counterfactuals.charts import Chart
from counterfactuals.engine import Finished, Method, Problem, find_slots, run
from counterfactuals.freeze import frozen
from counterfactuals.objectives import Objective, ReachClass
from counterfactuals.result import Counterfactuals
from counterfactuals.targets import FixedTarget, Searches, TargetPolicy, check_classes
from networks.errors import InputError


def explain(
    predictor: nn.Module,
    chart: Chart,
    x: Tensor,
    target: int | Tensor | TargetPolicy,
    method: Method | None = None,
    objective: Objective | None = None,
    slots: int | None = None,
) -> Counterfactuals:
    """What would have to change in x for the predictor to decide for ``target``?

    Args:
        predictor: x → logits of B×K, K ≥ 2; any ``nn.Module`` that normalises inside itself. It is
            frozen while the search runs and left as it was.
        chart: coordinates to search in; ``PixelChart(shape)`` gives adversarial examples.
        x: B×``chart.shape``, float32, on the device of predictor and chart.
        target: one class, a class for each sample (B int64), or a policy such as ``RunnerUp()``.
        method: how to search; ``Ascent()`` unless given.
        objective: when to be content; ``ReachClass(0.99)`` unless given.
        slots: searches under way at a time; ``None`` for as many as pay.

    Returns:
        One row a search: B rows, or more where the policy asks for several targets a sample
        (then ordered by sample).

    Raises:
        InputError: shapes that do not fit, a target out of range, or inference mode.
    """
    with frozen(predictor, chart):
        searches = plan(predictor, chart, x, target)
        finished = list(search(predictor, chart, x[searches.rows], searches.target, method, objective, slots))
    rows = torch.cat([f.rows for f in finished])
    return Counterfactuals.join([f.counterfactuals for f in finished]).take(rows.argsort())


def plan(predictor: nn.Module, chart: Chart, x: Tensor, target: int | Tensor | TargetPolicy) -> Searches:
    """Which searches a batch asks for; checks everything that can be checked before the first step."""
    _check_samples(chart, x)
    with torch.no_grad():
        logits = call(predictor, x)
    if isinstance(target, int):
        return FixedTarget(target)(logits)
    if isinstance(target, Tensor):
        if target.shape != (len(x),):
            raise InputError(
                f"target must hold one class for each of {len(x)} samples; got shape {tuple(target.shape)}"
            )
        check_classes(target, logits.shape[1])
        return Searches(torch.arange(len(x), device=x.device), target.to(x.device, torch.int64))
    return target(logits)


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
    with frozen(predictor, chart), torch.autocast(x.device.type, enabled=False):
        yield from run(method or Ascent(), problem, x.float(), target, slots)


def slots_that_pay(
    predictor: nn.Module, chart: Chart, x: Tensor, target: Tensor, method: Method, objective: Objective
) -> int:
    """What ``search`` would take without ``slots``; for many batches of one kind (see ``find_slots``)."""
    _check_gradients()
    with frozen(predictor, chart), torch.autocast(x.device.type, enabled=False):
        return find_slots(method, Problem(predictor, chart, objective), x.float(), target)


def call(predictor: nn.Module, x: Tensor) -> Tensor:
    """logits = predictor(x), with one clear error where they do not fit together."""
    try:
        logits = predictor(x)
    except RuntimeError as error:
        raise InputError(
            f"{type(predictor).__name__} cannot take images of shape {tuple(x.shape[1:])}"
            f"{_expected(predictor)}: {error}"
        ) from error
    if logits.ndim != 2 or len(logits) != len(x) or logits.shape[1] < 2:
        raise InputError(
            f"{type(predictor).__name__} must return logits of B×K with K ≥ 2; for {len(x)} samples it returned "
            f"shape {tuple(logits.shape)}"
        )
    return logits


def _check_gradients() -> None:
    if torch.is_inference_mode_enabled():
        raise InputError(
            "a search needs gradients, and torch.inference_mode is on: build the Trainer with inference_mode=False "
            "(explain.py does), or use torch.no_grad instead"
        )


def _expected(predictor: nn.Module) -> str:
    shape = getattr(predictor, "shape", None)
    return f" (it was made for {tuple(shape)})" if shape is not None else ""


def _check_samples(chart: Chart, x: Tensor) -> None:
    if tuple(x.shape[1:]) != chart.shape:
        raise InputError(
            f"samples of shape {tuple(x.shape[1:])} do not fit the chart, which was trained on {chart.shape}: "
            "load them at that size and number of channels, or train a chart on these"
        )
    if len(x) == 0:
        raise InputError("there is no sample to explain: x is empty")
