"""What all searches of a run come to: one table, one file of tensors, one summary."""

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import torch
from safetensors.torch import save
from torch import Tensor

from counterfactuals import Status
from counterfactuals.goals.objectives import measured_as
from lightning_modules import CounterfactualModule, Explanation
from metrics import similarity, summarize
from results.files import write_whole
from results.naming import column, scalar

KEYS = ["index", "number"]  # what tells one search of a result from the others
SHARED = (
    "index",
    "number",
    "label",
    "source",
    "target",
    "confidence_before",
)  # columns that all results have in common

FIRST = ("label_agreement", "model")  # of the summary: what the rest stands on

VISIBLE = 0.05  # a value that changed by more, of a range of 1, has changed


def rows_of(explanation: Explanation) -> pd.DataFrame:
    """Table of one result's searches, a row each: ``SHARED`` columns, then its own."""
    cf = explanation.counterfactuals
    change = (cf.counterfactual - cf.x).flatten(1)
    columns = {
        "index": explanation.index,
        "number": explanation.number,
        "label": explanation.y,
        "source": cf.source,
        "target": cf.target,
        "confidence_before": cf.source_confidence,
        "status": [Status(s).name.lower() for s in cf.status.tolist()],
        "prediction": cf.prediction,
        "confidence": cf.confidence,
        "steps": cf.steps,
        "first_hit": cf.first_hit,
        "l1_x": change.abs().sum(1),
        "l2_x": change.norm(dim=1),
        "changed": (change.abs() > VISIBLE).float().mean(1),
        "reconstruction_error": (cf.reconstruction - cf.x).flatten(1).square().mean(1).sqrt(),
        **({"ssim": similarity(cf.counterfactual, cf.x)} if cf.x.ndim == 4 else {}),
        "reason": list(cf.reasons),
        "seconds": explanation.seconds,
        **({} if cf.relaxation is None else {"relaxation": cf.relaxation}),
        **explanation.columns,
    }
    return pd.DataFrame({k: v.numpy() if isinstance(v, Tensor) else v for k, v in columns.items()})


def tensors_of(explanation: Explanation) -> dict[str, Tensor]:
    """Tensors of one result by the names under which they are saved; the originals come with the chart's."""
    name, cf = explanation.name, explanation.counterfactuals
    tensors = {column(name, "counterfactual"): cf.counterfactual}
    if cf.path is not None:
        tensors[column(name, "path")] = cf.path
    if not name:
        tensors |= {"index": explanation.index, "number": explanation.number, "target": cf.target}
        tensors |= {"x": cf.x, "reconstruction": cf.reconstruction, "z": cf.z, "z_prime": cf.z_prime}
    return tensors


def merge(
    explanations: Iterable[Explanation],
    folder: Path,
    finish: Callable[[pd.DataFrame], pd.DataFrame] = lambda table: table,
) -> pd.DataFrame:
    """All searches as one table and one file of tensors, ordered by index and number; ``finish`` adds columns."""
    results: dict[str, list[Explanation]] = {}
    for explanation in explanations:
        results.setdefault(explanation.name, []).append(explanation)
    table, tensors = pd.DataFrame(), dict[str, Tensor]()
    for name in sorted(results):  # the chart's, which is called "", comes first
        whole = Explanation.join(results.pop(name))
        part = rows_of(whole)
        if name:
            part = part.drop(columns=[c for c in SHARED if c not in KEYS])
            part = part.rename(columns={c: column(name, str(c)) for c in part if c not in KEYS})
            part = table.merge(part, on=KEYS, how="left", validate="one_to_one")
        table = part
        tensors |= tensors_of(whole)
    table = finish(table)
    # Copies, because safetensors refuses tensors that share memory.
    copies = {name: t.clone(memory_format=torch.contiguous_format) for name, t in tensors.items()}
    write_whole(folder / "counterfactuals.safetensors", lambda f: f.write_bytes(save(copies)))
    write_whole(folder / "counterfactuals.parquet", lambda f: f.write_bytes(table.to_parquet()))
    return table


def summary_of(
    table: pd.DataFrame, module: CounterfactualModule, class_names: list[str], made_with: dict[str, Any]
) -> dict[str, Any]:
    """What the run comes to: numbers from the table, what the metric callbacks measured, and its ``provenance``."""
    results = {
        name: merged(summarize(table, column(name, "")), measured, module.summary.get("oracle"))
        for name, measured in _by_result(module).items()
    }
    own = results.pop("")
    first = {name: own[name] for name in FIRST if name in own}
    summary = {"n": len(table), **first, "confidence_is": measured_as(module.objective), **own}
    if "control" in results:
        summary["control"] = results.pop("control")
    if results:
        summary["others"] = results
    return {**summary, "class_names": class_names, "provenance": made_with}


def merged(summary: dict[str, Any], measured: dict[str, Any], oracle: str | None) -> dict[str, Any]:
    """Both, and the intervals and rows of both; the numbers of the first oracle stand without its name, too."""
    parts: dict[str, Any] = {
        kind: {**summary.get(kind, {}), **measured.get(kind, {})} for kind in ("intervals", "rows")
    }
    both = {"oracle_accuracy": None, "fid": None, **summary, **measured, **parts}
    for numbers in (both, *parts.values()):
        of_first = {name.removesuffix(f"/{oracle}"): v for name, v in numbers.items() if name.endswith(f"/{oracle}")}
        numbers.update({name: v for name, v in of_first.items() if numbers.get(name) is None})
    return both


def _by_result(module: CounterfactualModule) -> dict[str, dict[str, Any]]:
    """What the metric callbacks measured, by result: ``control/fid`` is the control's ``fid``."""
    measured: dict[str, dict[str, Any]] = {name: {} for name in module.searches}
    for key, value in module.summary.items():
        name, _, rest = key.partition("/")
        if name in measured:
            measured[name][rest] = value
        else:
            measured[""][key] = value
    return measured


def loggable(summary: dict[str, Any]) -> dict[str, float]:
    """The summary's numbers under the names that loggers know: ``cf/control/fid``, ``cf/intervals/fid/low``."""
    flat = {name: value for name, value in summary.items() if name != "others"}
    return {f"cf/{name}": float(value) for name, value in _numbers({**flat, **summary.get("others", {})})}


def _numbers(values: dict[str, Any]) -> Iterator[tuple[str, float]]:
    """Numbers in nested dictionaries with their names, but not how many rows they are of; of lists, intervals alone."""
    for key, value in values.items():
        if key == "rows":
            continue
        if isinstance(value, dict):
            inner = {name: _ends(v) for name, v in value.items()} if key == "intervals" else value
            yield from ((scalar(key, name), number) for name, number in _numbers(inner))
        elif isinstance(value, (int, float)):
            yield key, value


def _ends(interval: list[float] | None) -> dict[str, float]:
    return {} if interval is None else {"low": interval[0], "high": interval[1]}
