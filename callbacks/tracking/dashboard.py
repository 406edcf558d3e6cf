"""An explain run in W&B: what it found, what it made, and what from."""

import json
from pathlib import Path
from typing import Any

import pandas as pd
import wandb
from pytorch_lightning import Callback, Trainer
from safetensors.torch import load_file

from callbacks.tracking.artifacts import MEGABYTE, artifact_name, folder_artifact, log_input, log_output, model_artifact
from callbacks.tracking.gallery import gallery
from callbacks.tracking.logs import log_plot, staged, wandb_runs
from lightning_modules import CounterfactualModule
from metrics.summary import ATTRIBUTES
from networks.checks import not_negative, whole
from networks.errors import InputError
from report.figures.values import values_by_target
from results.generation import files_of
from results.naming import class_name


class Dashboard(Callback):
    """Logs the finished results folder to the run's W&B; without W&B it does nothing.

    - ``cf/gallery``, a table with a row and pictures a search (``callbacks.tracking.gallery``), and ``cf/pairs``, where
      the summary has pairs of classes, or ``cf/values``, a row a target and result, where it is about values;
    - where attributes are known ``cf/attributes``, a row a pair and attribute, and bars of what the chart was told to
      change and of what others see, ``cf/attributes_told`` and ``cf/attributes_seen``;
    - ``cf/report``, the report as a panel;
    - artifacts ``report-…`` (type "report") and ``explanation-…`` (type "explanation", the folder's results);
    - an artifact ``model-…`` (type "model") for every checkpoint as an input of the run, and under ``checkpoints``
      in the run's config which of them had which role.

    All of it works offline and is sent by ``wandb sync``. It must come after ``ResultWriter`` and ``Report``;
    ``explain.py`` sees to that.

    Args:
        max_rows: searches in the gallery; statuses and pairs of classes are all there as far as it allows.
        max_upload_mb: larger result files are not sent, but referenced by path, size and MD5. Checkpoints always
            are: they may hold gigabytes, an offline run would copy them, and their home is the training's folder.

    Raises:
        InputError: a negative number.
    """

    def __init__(self, max_rows: int = 200, max_upload_mb: float = 64) -> None:
        InputError.collect(whole(0, max_rows=max_rows) + not_negative(max_upload_mb=max_upload_mb))
        self.max_rows, self.max_upload_mb = max_rows, max_upload_mb

    def on_predict_end(self, trainer: Trainer, pl_module: CounterfactualModule) -> None:  # type: ignore[override]
        folder, runs = Path(trainer.default_root_dir), list(wandb_runs(trainer))
        if runs:
            self._show(trainer, folder)
        for run in runs:
            with staged(run):
                there = {role: Path(path) for role, path in pl_module.checkpoints.items() if Path(path).is_file()}
                for role in pl_module.checkpoints.keys() - there.keys():
                    print(f"Not in W&B: the checkpoint of {role}, {pl_module.checkpoints[role]}, is gone")
                _log_inputs(run, there)
                self._log_outputs(run, folder)

    def _show(self, trainer: Trainer, folder: Path) -> None:
        table = pd.read_parquet(folder / "counterfactuals.parquet")
        tensors = load_file(folder / "counterfactuals.safetensors")
        names = trainer.datamodule.class_names  # type: ignore[attr-defined]  # Lightning attaches it at run time
        log_plot(trainer, "cf/gallery", gallery(table, tensors, names, self.max_rows))
        summary = json.loads((folder / "summary.json").read_text())
        if pairs := summary.get("pairs"):
            log_plot(trainer, "cf/pairs", wandb.Table(dataframe=pd.json_normalize(pairs)))
        if changes := attribute_changes(summary, names):
            columns = wandb.Table(dataframe=pd.DataFrame(changes))
            log_plot(trainer, "cf/attributes", columns)
            for kind in [kind for kind in ATTRIBUTES if kind in changes[0]]:
                bars = wandb.plot.bar(columns, "attribute of pair", kind, title=f"Attributes {kind} to change")
                log_plot(trainer, f"cf/attributes_{kind}", bars)
        if values := values_by_target(summary):
            log_plot(trainer, "cf/values", wandb.Table(dataframe=pd.DataFrame(values)))
        log_plot(trainer, "cf/report", wandb.Html(str(folder / "report.html"), inject=False))

    def _log_outputs(self, run: wandb.Run, folder: Path) -> None:
        results = sorted(files_of(folder))
        for kind, files in (("report", [folder / "report.html"]), ("explanation", results)):
            name = artifact_name(kind, folder)
            log_output(run, folder_artifact(name, kind, folder, files, self.max_upload_mb * MEGABYTE))


def attribute_changes(summary: dict[str, Any], names: list[str]) -> list[dict[str, Any]]:
    """The counterfactuals' mean changes as rows of a table: pair and attribute, ``told``, ``seen``, their p, and n."""
    rows = []
    for row in summary.get("attributes", []):
        pair = "all" if row["source"] is None else "→".join(class_name(names, row[k]) for k in ("source", "target"))
        numbers = {k: row[k] for kind in ATTRIBUTES for k in (kind, f"{kind}_p") if k in row}
        rows.append({"attribute of pair": f"{row['attribute']} ({pair})", **numbers, "n": row["n"]})
    return rows


def _log_inputs(run: wandb.Run, checkpoints: dict[str, Path]) -> None:
    artifacts = {path: model_artifact(path) for path in checkpoints.values()}
    # before they are logged: online they then take name and metadata from the server
    roles = {role: f"{artifacts[p].name} sha256:{artifacts[p].metadata['sha256']}" for role, p in checkpoints.items()}
    run.config.update({"checkpoints": roles}, allow_val_change=True)
    for artifact in artifacts.values():
        log_input(run, artifact)
