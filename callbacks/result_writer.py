"""The results folder: shards while a run goes on, one table and one file of tensors at its end."""

import json
import math
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import torch
from pytorch_lightning import LightningModule, Trainer
from pytorch_lightning.callbacks import BasePredictionWriter
from safetensors.torch import load_file, save
from torch import Tensor

from callbacks.logs import log_scalars
from callbacks.naming import column, scalar
from callbacks.provenance import provenance
from counterfactuals import Counterfactuals, Status
from lightning_modules import CounterfactualModule, Explanation
from metrics import summarize


class ResultWriter(BasePredictionWriter):
    """Writes every batch as it is finished, and merges at the end.

    ``shards/rank0-00000.{safetensors,parquet}`` … hold finished batches; afterwards rank zero leaves
    ``counterfactuals.safetensors`` (x, reconstruction, counterfactual, z, z_prime, and the control's),
    ``counterfactuals.parquet`` (one row a search, in the order of index and target) and
    ``summary.json``. Files appear whole or not at all, and those of an earlier run in the same folder
    stay until the new ones are complete.

    It must come after the callbacks that add columns; ``explain.py`` sees to that.
    """

    def __init__(self) -> None:
        super().__init__(write_interval="batch")

    def on_predict_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        shards = shard_folder(trainer)
        if trainer.is_global_zero:
            shutil.rmtree(shards, ignore_errors=True)
            shards.mkdir(parents=True)
        trainer.strategy.barrier("shards")

    def write_on_batch_end(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        prediction: Explanation,
        batch_indices: Any,
        batch: Any,
        batch_idx: int,
        dataloader_idx: int,
    ) -> None:
        stem = shard_folder(trainer) / f"rank{trainer.global_rank}-{batch_idx:05d}"
        # The table last: a shard counts from the moment that its table is there.
        write_whole(stem.with_suffix(".safetensors"), lambda f: f.write_bytes(save(tensors_of(prediction))))
        write_whole(stem.with_suffix(".parquet"), rows_of(prediction).to_parquet)

    def on_predict_end(self, trainer: Trainer, pl_module: CounterfactualModule) -> None:  # type: ignore[override]
        trainer.strategy.barrier("written")
        if trainer.is_global_zero:
            table = merge(shard_folder(trainer), Path(trainer.default_root_dir))
            summary = summary_of(table, pl_module)
            text = json.dumps(finite(summary), indent=2, ensure_ascii=False)
            write_whole(Path(trainer.default_root_dir) / "summary.json", lambda f: f.write_text(text))
            log_scalars(trainer, loggable(summary))
        trainer.strategy.barrier("merged")

    def on_exception(self, trainer: Trainer, pl_module: LightningModule, exception: BaseException) -> None:
        if trainer.is_global_zero and (done := len(list(shard_folder(trainer).glob("*.parquet")))):
            print(f"\nStopped: the {done} batches finished so far are whole in {shard_folder(trainer)}")


def shard_folder(trainer: Trainer) -> Path:
    return Path(trainer.default_root_dir) / "shards"


def write_whole(file: Path, write: Callable[[Path], Any]) -> None:
    """Write beside the file and rename, so that a killed process or a full disk leaves no torn file."""
    beside = file.with_name(f".{file.name}.partial")
    try:
        write(beside)
        beside.replace(file)
    finally:
        beside.unlink(missing_ok=True)


def tensors_of(prediction: Explanation) -> dict[str, Tensor]:
    """Tensors of one batch, N rows each, by the names under which they are saved."""
    own = prediction.results[""]
    tensors = {"index": prediction.index, "target": own.target, "x": own.x, "reconstruction": own.reconstruction}
    for result, cf in prediction.results.items():
        tensors[column(result, "counterfactual")] = cf.counterfactual
    tensors |= {"z": own.z, "z_prime": own.z_prime}
    # Copies, because safetensors refuses tensors that share memory: in pixels z and reconstruction are x itself.
    return {name: t.clone(memory_format=torch.contiguous_format) for name, t in tensors.items()}


def rows_of(prediction: Explanation) -> pd.DataFrame:
    """Table of one batch, one row a search."""
    own = prediction.results[""]
    table: dict[str, Any] = {
        "index": prediction.index,
        "label": prediction.y,
        "source": own.source,
        "target": own.target,
        "confidence_before": own.source_confidence,
    }
    for result, cf in prediction.results.items():
        columns = {**_columns(cf), "seconds": torch.full((len(cf),), prediction.seconds[result])}
        table |= {column(result, name): values for name, values in columns.items()}
    table |= prediction.columns
    return pd.DataFrame({k: v.numpy() if isinstance(v, Tensor) else v for k, v in table.items()})


def _columns(cf: Counterfactuals) -> dict[str, Any]:
    return {
        "status": [Status(s).name.lower() for s in cf.status.tolist()],
        "confidence": cf.confidence,
        "steps": cf.steps,
        "l2_x": (cf.counterfactual - cf.x).flatten(1).norm(dim=1),
        "reconstruction_error": (cf.reconstruction - cf.x).flatten(1).square().mean(1).sqrt(),
        "reason": list(cf.reasons),
    }


def merge(shards: Path, folder: Path) -> pd.DataFrame:
    """All shards as one table and one file of tensors, ordered by index and target."""
    stems = sorted(shards.glob("*.parquet"))
    table = pd.concat([pd.read_parquet(s) for s in stems], ignore_index=True)
    order = table.sort_values(["index", "target"], kind="stable").index
    table = table.loc[order].reset_index(drop=True)
    parts = [load_file(s.with_suffix(".safetensors")) for s in stems]
    rows = torch.from_numpy(order.to_numpy().copy())
    tensors = {name: torch.cat([p[name] for p in parts])[rows] for name in parts[0]}
    write_whole(folder / "counterfactuals.safetensors", lambda f: f.write_bytes(save(tensors)))
    write_whole(folder / "counterfactuals.parquet", table.to_parquet)
    shutil.rmtree(shards)
    return table


def summary_of(table: pd.DataFrame, module: CounterfactualModule) -> dict[str, Any]:
    """What the run comes to: numbers from the table, and what the metric callbacks measured."""
    measured = {"oracle_accuracy": None, "fid": None, **module.summary}
    control = {k.removeprefix("control/"): v for k, v in measured.items() if k.startswith("control/")}
    own = {k: v for k, v in measured.items() if not k.startswith("control/")}
    summary = {"n": len(table), **summarize(table), **own}
    if module.control is not None:
        summary["control"] = {"oracle_accuracy": None, "fid": None, **summarize(table, "control_"), **control}
    return {**summary, "provenance": provenance(module.checkpoints)}


def loggable(summary: dict[str, Any]) -> dict[str, float]:
    """The summary's own numbers under the names that loggers know."""
    flat = {scalar("", k): v for k, v in summary.items()}
    flat |= {scalar("control", k): v for k, v in summary.get("control", {}).items()}
    return {f"cf/{k}": float(v) for k, v in flat.items() if isinstance(v, (int, float))}


def finite(value: Any) -> Any:
    """The same with NaN and infinities as null: JSON has no word for them."""
    if isinstance(value, dict):
        return {k: finite(v) for k, v in value.items()}
    if isinstance(value, list):
        return [finite(v) for v in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
