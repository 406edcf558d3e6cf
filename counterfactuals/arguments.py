"""What a notebook may hand to ``explain``, and what is said where it cannot be used."""

import inspect
import math
from collections.abc import Sequence
from numbers import Real
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from counterfactuals.charts.chart import Chart
from counterfactuals.engine import Method
from counterfactuals.goals.objectives import Objective
from counterfactuals.goals.targets import FixedTarget, Searches, TargetPolicy, Value, all_rows, check_classes
from networks.checks import objects, whole
from networks.errors import InputError

ROUNDING = 1e-4  # by which images that were normalised and brought back miss their range


def problems_with(predictor: Any, chart: Any, x: Any, method: Any, objective: Any, slots: Any) -> list[str]:
    """Arguments of ``explain`` that are of another kind, or hold what cannot be, a sentence each."""
    return [
        *_of_predictor(predictor),
        *_of_chart(chart),
        *_of_samples(x),
        *objects(Method, method=method),
        *objects(Objective, objective=objective),
        *([] if slots is None else whole(1, slots=slots)),
    ]


def check_range(x: Tensor, clip: tuple[float, float] | None) -> None:
    """Raise ``InputError`` where images have values outside of what decoded ones are clipped to."""
    if clip is None or x.ndim != 4 or not len(x):
        return
    low, high = (float(end) for end in x[x.isfinite()].aminmax()) if x.isfinite().any() else clip
    if low < clip[0] - ROUNDING or high > clip[1] + ROUNDING:
        advice = ": divide by 255" if clip == (0, 1) and low >= 0 and 2 < high <= 255 else ""
        raise InputError(f"x must lie in [{clip[0]:g}, {clip[1]:g}]; it goes from {low:g} to {high:g}{advice}")


def searches_for(target: Any, logits: Tensor, said: Tensor) -> Searches:
    """The searches of a batch towards a class, a value, one of them for each sample, or what a policy asks for.

    Raises:
        InputError: anything else, a class that is no whole number or not there, or a value that is not finite.
    """
    of_values = said.is_floating_point()
    if isinstance(target, (np.ndarray, Tensor)) and target.ndim == 0:
        target = target.item()
    if isinstance(target, np.ndarray):
        target = target.tolist()
    if isinstance(target, Real) and not isinstance(target, bool):
        number: Any = target
        target = Value(number) if of_values else FixedTarget(int(number) if _is_whole(number) else number)
    if not isinstance(target, (Tensor, str)) and isinstance(target, Sequence):
        target = _as_tensor(target, said.device)
    if isinstance(target, Tensor):
        return Searches(all_rows(said), _one_each(target, logits, said))
    if inspect.isclass(target):
        InputError.collect(objects(TargetPolicy, target=target))
    if not callable(target):
        raise InputError(
            f"target must be a class or a value, one for each sample, or a policy such as RunnerUp(); got {target!r}"
        )
    return target(logits)


def _one_each(target: Tensor, logits: Tensor, said: Tensor) -> Tensor:
    if target.shape != (len(said),):
        raise InputError(f"target must hold one entry for each of {len(said)} samples; got shape {tuple(target.shape)}")
    of_values = said.is_floating_point()
    wrong = [t for t in target.tolist() if isinstance(t, bool) or not (math.isfinite(t) if of_values else _is_whole(t))]
    if wrong:
        needed = "finite values" if of_values else "classes, whole numbers"
        raise InputError(f"target must hold {needed}; got {wrong[0]!r}")
    if not of_values:
        check_classes(target, logits.shape[1])
    return target.to(said)


def _as_tensor(target: Sequence[Any], device: torch.device) -> Tensor:
    try:
        return torch.tensor(target, device=device)
    except (TypeError, ValueError, RuntimeError) as error:
        raise InputError(f"target must hold numbers, one for each sample; got {target!r}") from error


def _is_whole(value: Any) -> bool:
    return math.isfinite(value) and value == int(value)


def _of_predictor(predictor: Any) -> list[str]:
    if isinstance(predictor, nn.Module):
        return []
    if isinstance(predictor, str):
        return [f"predictor must be a network; got {predictor!r}: lightning_modules.load_predictor(path) reads one"]
    if inspect.isclass(predictor):
        return objects(nn.Module, predictor=predictor)
    return [f"predictor must be an nn.Module that returns logits or values; got a {type(predictor).__name__}: wrap it"]


def _of_chart(chart: Any) -> list[str]:
    if isinstance(chart, Chart):
        return []
    if isinstance(chart, str):
        return [f"chart must be a Chart; got {chart!r}: lightning_modules.load(path, FlowModule).chart() reads one"]
    if chart is None or inspect.isclass(chart):
        return objects(Chart, chart=chart) or ["chart must be a Chart, such as PixelChart(shape); got None"]
    advice = ": take its chart()" if callable(getattr(chart, "chart", None)) else ", such as FlowChart(flow)"
    return [f"chart must be a Chart{advice}; got a {type(chart).__name__}"]


def _of_samples(x: Any) -> list[str]:
    if not isinstance(x, Tensor):
        return [f"x must be a tensor of samples; got a {type(x).__name__}: torch.as_tensor(x)"]
    if x.is_floating_point():
        return []
    return [f"x must be of float32, images in [0, 1]; got {str(x.dtype).removeprefix('torch.')}: x.float() / 255"]
