"""Counterfactuals of any predictor on any chart, from a notebook or from a predict loop."""

import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from counterfactuals.arguments import check_range, problems_with, searches_for
from counterfactuals.call import call, check_place
from counterfactuals.charts.chart import Chart
from counterfactuals.contract import needs_gradient, of_values, suited, understand
from counterfactuals.engine import Finished, Method, Problem, RequiresChart, find_slots, run
from counterfactuals.freeze import frozen
from counterfactuals.goals.matched import Matched, judged
from counterfactuals.goals.objectives import Objective, ReachClass
from counterfactuals.goals.targets import Searches
from counterfactuals.held import modules_in
from counterfactuals.methods.ascent import Ascent
from counterfactuals.methods.state import finite
from counterfactuals.progress import Progress, Tally
from counterfactuals.result import Counterfactuals
from networks.errors import InputError
from networks.precision import exact

LOOKED_AT = 64  # samples


def explain(
    predictor: nn.Module,
    chart: Chart,
    x: Tensor,
    target: Any,
    method: Method | None = None,
    objective: Objective | None = None,
    slots: int | None = None,
    levels: int | None = None,
    matched: Counterfactuals | None = None,
    progress: bool = False,
) -> Counterfactuals:
    """What would have to change in x for the predictor to decide for ``target``?

    Args:
        predictor: any ``nn.Module``: x → logits of B×K, or values of B or B×1, in a tensor or an object that holds
            one. Probabilities and one number for yes or no are understood by looking, with a warning that says so;
            ``networks.Adapter`` says otherwise, and normalises or resizes for it. It is frozen while the search
            runs and left as it was.
        chart: coordinates to search in; ``PixelChart(shape)`` gives adversarial examples.
        x: B×``chart.shape``, float32, on the device of predictor and chart.
        target: one class or value, one for each sample (B) in a sequence, array or tensor, or a policy such as
            ``RunnerUp()``.
        method: how to search; ``Ascent()`` unless given.
        objective: when to be content; ``ReachClass(0.99)`` unless given. For values ``AtLeast``,
            ``AtMost`` or ``Within``.
        slots: searches under way at a time; ``None`` for as many as pay.
        levels: grey values of the images, 256 for 8 bits: every x′ is rounded to them before the predictor sees it, so
            that it flips as an image and not as floats alone. ``None`` for data that is not images.
        matched: what another search of these samples and targets came to, such as that on a flow: this one goes on
            until the predictor is as certain of every x′ as it is there (see ``Matched``), as a fair control does.
        progress: whether to show how many searches have ended: a bar, or lines where a log is written.

    Returns:
        One row a search: B rows, or more where the policy asks for several targets a sample or the
        method gives several counterfactuals (then ordered by sample).

    Raises:
        InputError: arguments of another kind, shapes, devices or types that do not fit, images outside of the range
            that the method clips to, a target out of range or of no whole number, a policy that asks for no search, a
            predictor that fails (see ``contract.understand``), or inference mode.
    """
    InputError.collect(problems_with(predictor, chart, x, method, objective, slots))
    objective, method = objective or ReachClass(), method or Ascent()
    if isinstance(method, RequiresChart):
        method.check(chart)
    x = x.contiguous()  # of images that were H×W×C
    _check_gradients()
    check_range(x, clip_of(method))
    _check_samples(chart, x)
    for network in (predictor, *modules_in(method, objective)):
        check_place(network, x)
    sound = x[finite(x)][:LOOKED_AT]
    if not len(sound):
        raise InputError(f"x holds NaN or infinite numbers in every one of its {len(x)} samples")
    predictor, outputs, remarks = understand(predictor, sound, of_values(objective, target), needs_gradient(method))
    for remark in remarks:
        warnings.warn(remark, stacklevel=2)
    objective = suited(objective, outputs)
    chart.explaining(predictor)
    with frozen(predictor, chart):
        searches = plan(predictor, chart, x, target, objective)
        if not len(searches.rows):
            raise InputError(f"nothing to search for: {type(target).__name__} asks for none of these {len(x)} samples")
        asked = objective if matched is None else _as_certain(predictor, objective, matched, len(searches.rows))
        ended = search(predictor, chart, x[searches.rows], searches.target, method, asked, slots, levels)
        finished = list(_counted(ended, len(searches.rows), progress))
        rows = torch.cat([f.rows for f in finished])
        found = Counterfactuals.join([f.counterfactuals for f in finished]).take(rows.argsort(stable=True))
        return found if matched is None else judged(predictor, objective, found, True).counterfactuals


def _counted(ended: Iterator[Finished], total: int, shown: bool) -> Iterator[Finished]:
    tally = Tally()
    with Progress("searches", total, shown, stay=True) as bar:
        for finished in ended:
            yield finished
            bar.advance(len(finished.rows.unique()), tally.add(finished.counterfactuals))


def _as_certain(predictor: nn.Module, objective: Objective, matched: Counterfactuals, searches: int) -> Matched:
    if not len(matched) or len(matched) % searches:
        raise InputError(f"matched has {len(matched)} rows, and {searches} searches are asked for")
    margin = torch.where(matched.flipped, judged(predictor, objective, matched, False).margin, 0.0)
    return Matched(objective, margin.view(searches, -1).mean(1))  # of the sets of several


def plan(
    predictor: nn.Module,
    chart: Chart,
    x: Tensor,
    target: Any,
    objective: Objective,
) -> Searches:
    """Which searches a batch asks for; checks everything that can be checked before the first step."""
    with torch.no_grad(), exact(x.device):
        _check_samples(chart, x)
        logits = call(predictor, x)
        said = objective.prediction(logits)
    return searches_for(target, logits, said)


def search(
    predictor: nn.Module,
    chart: Chart,
    x: Tensor,
    target: Tensor,
    method: Method | None = None,
    objective: Objective | None = None,
    slots: int | None = None,
    levels: int | None = None,
) -> Iterator[Finished]:
    """Run planned searches in float32 with predictor and chart frozen; they come as they end (see ``engine.run``)."""
    _check_gradients()
    problem = Problem(predictor, chart, objective or ReachClass(), levels)
    with frozen(predictor, chart), exact(x.device):
        yield from run(method or Ascent(), problem, x.float(), target, slots)


def slots_that_pay(
    predictor: nn.Module,
    chart: Chart,
    x: Tensor,
    target: Tensor,
    method: Method,
    objective: Objective,
    levels: int | None = None,
    over: Callable[[Sequence[int]], Iterable[int]] = iter,
) -> int:
    """What ``search`` would take without ``slots``; for many batches of one kind (see ``find_slots``)."""
    _check_gradients()
    with frozen(predictor, chart), exact(x.device):
        return find_slots(method, Problem(predictor, chart, objective, levels), x.float(), target, over)


def clip_of(method: Method) -> tuple[float, float] | None:
    """The range that a method clips decoded samples to, itself or by the ascents that it is made of."""
    return getattr(getattr(method, "ascent", method), "clip", None)


def _check_gradients() -> None:
    if torch.is_inference_mode_enabled():
        raise InputError(
            "a search needs gradients, and torch.inference_mode is on: build the Trainer with inference_mode=False "
            "(explain.py does), or use torch.no_grad instead"
        )


def _check_samples(chart: Chart, x: Tensor) -> None:
    if tuple(x.shape[1:]) != chart.shape:
        raise InputError(
            f"samples of shape {tuple(x.shape[1:])} do not fit the chart, which was trained on {chart.shape}: "
            "load them at that size and number of channels, or train a chart on these"
        )
    check_place(chart, x)
    if len(x) == 0:
        raise InputError("there is no sample to explain: x is empty")
