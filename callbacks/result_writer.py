"""The results folder: journals while a run goes on, one table and one file of tensors at its end."""

import json
import math
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import torch
from pytorch_lightning import Callback, LightningModule, Trainer
from safetensors.torch import save
from torch import Tensor

from callbacks.files import write_whole
from callbacks.identity import Identity, identity_of
from callbacks.journal import Journal, read_journal
from callbacks.logs import log_scalars
from callbacks.naming import column, scalar
from callbacks.provenance import provenance
from callbacks.ranks import meet
from counterfactuals import Status
from datamodules import DataModule
from lightning_modules import CounterfactualModule, Explanation
from lightning_modules.checkpoint import fingerprint
from metrics import similarity, summarize
from networks.errors import InputError

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


class ResultWriter(Callback):
    """Writes every search as it ends, goes on with a run that was stopped, and merges at the end.

    ``shards/rank0-0.journal`` … hold what has ended, also after ``kill -9``. The same command reads
    them, hands them to the metric callbacks, and searches for the rest alone; with other settings,
    weights or data it is refused. Afterwards rank zero leaves ``counterfactuals.safetensors`` (x,
    reconstruction, counterfactual, z, z_prime, and the control's), ``counterfactuals.parquet`` (one
    row a search, in the order of index and number) and ``summary.json``. Files appear whole or not at
    all, and those of an earlier run in the same folder stay until the new ones are complete.

    It must come after the callbacks that add columns; ``explain.py`` sees to that.

    Attributes:
        settings: what must not change between a run and its continuation, nested; ``explain.py``
            sets it to the config's part that results depend on.
    """

    def __init__(self) -> None:
        self.settings: dict[str, Any] = {}
        self.identity: Identity = {}
        self.journal: Journal | None = None

    def setup(self, trainer: Trainer, pl_module: CounterfactualModule, stage: str) -> None:  # type: ignore[override]
        """Before any metric has begun to measure: that may take minutes."""
        judges = {
            f"the weights of {role}": fingerprint(path)
            for callback in trainer.callbacks  # type: ignore[attr-defined]  # Lightning attaches them at run time
            for role, path in getattr(callback, "checkpoints", {}).items()
        }
        self.identity = {**identity_of(pl_module, trainer.datamodule, self.settings), **judges}  # type: ignore[attr-defined]
        check_same(shard_folder(trainer), self.identity)  # every rank: all stop, or none

    def on_predict_start(self, trainer: Trainer, pl_module: CounterfactualModule) -> None:  # type: ignore[override]
        folder, identity = shard_folder(trainer), self.identity
        meet(trainer, "checked")
        folder.mkdir(parents=True, exist_ok=True)  # every rank: over a network others see it late
        if trainer.is_global_zero:
            write_whole(identity_file(folder), lambda f: f.write_text(json.dumps(identity, indent=2)))
        journals = sorted(folder.glob("*.journal"))
        meet(trainer, "listed")  # nobody may start a journal before all have seen the earlier ones
        self._replay(journals, trainer, pl_module)
        attempt = 1 + max([int(j.stem.split("-")[1]) for j in journals], default=-1)
        self.journal = Journal(folder / f"rank{trainer.global_rank}-{attempt}.journal")
        pl_module.listeners.append(self.journal.append)

    def _replay(self, journals: list[Path], trainer: Trainer, pl_module: CounterfactualModule) -> None:
        """Skip what has ended; each rank hands its share of it to the metric callbacks."""
        number = 0
        for i, explanation in enumerate(e for journal in journals for e in read_journal(journal)):
            keys = zip(explanation.index.tolist(), explanation.number.tolist(), strict=True)
            pl_module.finished.setdefault(explanation.name, set()).update(keys)
            number += len(explanation.index)
            if i % trainer.world_size == trainer.global_rank:
                for listener in pl_module.listeners:
                    listener(explanation)
        if number and trainer.is_global_zero:
            print(f"Continuing: {number} searches of an earlier run are kept")

    def on_predict_end(self, trainer: Trainer, pl_module: CounterfactualModule) -> None:  # type: ignore[override]
        self._close()
        meet(trainer, "written")
        if trainer.is_global_zero:
            check_anything(shard_folder(trainer), pl_module, trainer.datamodule)  # type: ignore[attr-defined]
            table = merge(shard_folder(trainer), Path(trainer.default_root_dir), pl_module.finished_table)
            summary = finite(summary_of(table, pl_module, trainer.datamodule.class_names))  # type: ignore[attr-defined]
            text = json.dumps(summary, indent=2, ensure_ascii=False)
            write_whole(Path(trainer.default_root_dir) / "summary.json", lambda f: f.write_text(text))
            log_scalars(trainer, loggable(summary))
        meet(trainer, "merged")

    def on_exception(self, trainer: Trainer, pl_module: LightningModule, exception: BaseException) -> None:
        self._close()
        folder = shard_folder(trainer)
        if trainer.is_global_zero and not isinstance(exception, InputError) and folder.is_dir():
            done = sum(len(e.index) for e in _all(folder))
            print(f"\nStopped: {done} finished searches are kept in {folder}; the same command continues")

    def _close(self) -> None:
        if self.journal is not None:
            self.journal.close()
            self.journal = None


def shard_folder(trainer: Trainer) -> Path:
    return Path(trainer.default_root_dir) / "shards"


def identity_file(folder: Path) -> Path:
    return folder / "run.json"


def check_same(folder: Path, identity: Identity) -> None:
    """Refuse to mix two runs.

    Raises:
        InputError: the folder holds an unfinished run of another identity; names what differs.
    """
    file = identity_file(folder)
    if not file.exists():
        return
    earlier = json.loads(file.read_text())
    differences = [
        f"{key} was {earlier.get(key, 'not set')} and is {identity.get(key, 'not set')}"
        for key in sorted({*earlier, *identity})
        if earlier.get(key) != identity.get(key)
    ]
    if differences:
        raise InputError(
            f"{folder} holds an unfinished run that this one would not continue: "
            + "; ".join(differences[:5])
            + (f"; and {len(differences) - 5} more" if len(differences) > 5 else "")
            + ". Finish it with its own command, choose another --trainer.default_root_dir, or delete that folder"
        )


def check_anything(folder: Path, module: CounterfactualModule, data: DataModule) -> None:
    """Raise ``InputError`` where the targets asked for no search at all, as ``FewAndMany`` may."""
    n = len(data.predict_selection())
    if next(_all(folder), None) is None:
        raise InputError(
            f"no search was asked for: {type(module.target).__name__} leaves all {n} samples "
            "as they are, by what the predictor says of them; change its numbers, or explain other samples"
        )


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
        "l1_x": change.abs().mean(1),
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
    shards: Path, folder: Path, finish: Callable[[pd.DataFrame], pd.DataFrame] = lambda table: table
) -> pd.DataFrame:
    """All journals as one table and one file of tensors, ordered by index and number; ``finish`` adds columns."""
    results: dict[str, list[Explanation]] = {}
    for explanation in _all(shards):
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
    write_whole(folder / "counterfactuals.parquet", table.to_parquet)
    shutil.rmtree(shards)
    return table


def _all(shards: Path) -> Iterator[Explanation]:
    for journal in sorted(shards.glob("*.journal")):
        yield from read_journal(journal)


def summary_of(table: pd.DataFrame, module: CounterfactualModule, class_names: list[str]) -> dict[str, Any]:
    """What the run comes to: numbers from the table, and what the metric callbacks measured."""
    results = {
        name: merged(summarize(table, column(name, "")), measured, module.summary.get("oracle"))
        for name, measured in _by_result(module).items()
    }
    summary = {"n": len(table), **results.pop("")}
    if "control" in results:
        summary["control"] = results.pop("control")
    if results:
        summary["others"] = results
    return {**summary, "class_names": class_names, "provenance": provenance(module.checkpoints, module.device)}


def merged(summary: dict[str, Any], measured: dict[str, Any], oracle: str | None) -> dict[str, Any]:
    """Both, and the intervals of both; ``oracle`` is the one whose accuracy stands for all."""
    intervals = {**summary["intervals"], **measured.get("intervals", {})}
    both = {"oracle_accuracy": None, "fid": None, **summary, **measured, "intervals": intervals}
    for kind in ("oracle_accuracy", "oracle_share"):
        first = f"{kind}/{oracle}"
        if first in intervals:
            intervals[kind] = intervals[first]
        if first in both and both.get(kind) is None:
            both[kind] = both[first]
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
    """All numbers of the summary under the names that loggers know: ``cf/control/fid``, ``cf/intervals/fid/low``."""
    flat = {name: value for name, value in summary.items() if name != "others"}
    return {f"cf/{name}": float(value) for name, value in _numbers({**flat, **summary.get("others", {})})}


def _numbers(values: dict[str, Any]) -> Iterator[tuple[str, float]]:
    """Numbers in nested dictionaries with their names; of lists, intervals alone."""
    for key, value in values.items():
        if isinstance(value, dict):
            inner = {name: _ends(v) for name, v in value.items()} if key == "intervals" else value
            yield from ((scalar(key, name), number) for name, number in _numbers(inner))
        elif isinstance(value, (int, float)):
            yield key, value


def _ends(interval: list[float] | None) -> dict[str, float]:
    return {} if interval is None else {"low": interval[0], "high": interval[1]}


def finite(value: Any) -> Any:
    """The same with NaN and infinities as null: JSON has no word for them."""
    if isinstance(value, dict):
        return {k: finite(v) for k, v in value.items()}
    if isinstance(value, list):
        return [finite(v) for v in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
