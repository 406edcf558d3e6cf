"""All searches of a run as one table and one file of tensors."""

from collections.abc import Callable, Iterable
from pathlib import Path

import pandas as pd
import torch
from safetensors.torch import save
from torch import Tensor

from counterfactuals import Status
from counterfactuals.explanation import Explanation
from metrics import similarity
from networks.files import write_atomically
from results.naming import column

KEYS = ["index", "number"]  # what tells one search of a result from the others
SHARED = (
    "index",
    "number",
    "label",
    "source",
    "target",
    "confidence_before",
)  # columns that all results have in common

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
    write_atomically(folder / "counterfactuals.safetensors", lambda f: f.write_bytes(save(copies)))
    write_atomically(folder / "counterfactuals.parquet", lambda f: f.write_bytes(table.to_parquet()))
    return table
