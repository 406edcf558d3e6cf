"""A tiny explain run's W&B file, read back."""

import io
import json
import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import wandb
from PIL import Image
from safetensors.torch import load_file

import explain
from callbacks import Dashboard
from callbacks.result_writer import loggable
from callbacks.tracking.artifacts import artifact_name
from callbacks.tracking.workspace import EXPLANATION
from networks import InputError
from networks.fingerprint import file_fingerprint
from tests.support import wandb_reader
from tests.support.runs import QUIET, config, run_explain

SHORT = [
    "--model.method.init_args.max_steps=20",
    "--model.control.init_args.max_steps=10",
    "--model.paper_control=null",
    "--model.objective.init_args.confidence=0.6",
    "--data.predict_limit=12",
]
ROLES = {
    "predictor": "classifier",
    "chart": "flow",
    "oracle_svm": "svm",
    "oracle_cnn": "oracle",
    "oracle_noisy": "oracle_noise",
    "features": "features",
    "autoencoders": "autoencoders",
}


@pytest.fixture(scope="module")
def run(digits_home: Path) -> Path:
    """One explain run with loggers."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(digits_home)
        patch.setenv("XDG_DATA_HOME", str(digits_home / "home"))
        folder = ["--trainer.default_root_dir=runs/dashboard", "--dashboard.max_rows=7"]
        run_explain("digits/explain.yaml", *SHORT, *folder, logger=True)
        wandb.finish()
    return digits_home / "runs/dashboard"


def test_pictures_are_the_originals_bytes(run: Path) -> None:
    rows, files = wandb_reader.table(run, "cf/gallery")
    results, tensors = pd.read_parquet(run / "counterfactuals.parquet"), load_file(run / "counterfactuals.safetensors")
    assert len(rows) == 7 and {r["status"] for r in rows} == set(results["status"])
    for row in rows:
        i = int(row["index"])
        assert row["confidence"] == pytest.approx(results["confidence"][i])
        assert (row["source"], row["target"]) == (str(results["source"][i]), str(results["target"][i]))
        for name, key in (("x", "x"), ("x′", "counterfactual"), ("control", "control_counterfactual")):
            shown = np.array(Image.open(io.BytesIO(files[row[name]["path"]].read_bytes())))
            assert shown.dtype == np.uint8 and shown.max() > 128 and shown.shape == (112, 112)
            assert np.array_equal(shown[::14, ::14], np.rint(tensors[key][i, 0].clamp(0, 1).numpy() * 255)), name
        change = np.array(Image.open(files[row["change"]["path"]]))
        assert change.shape == (112, 112, 3) and change.max() == 255


def test_numbers_are_the_summarys(run: Path) -> None:
    logged, summary = wandb_reader.history(run), json.loads((run / "summary.json").read_text())
    expected = loggable(summary)
    assert {"cf/flip_rate", "cf/control/flip_rate", "cf/oracle_own_accuracy/svm", "cf/spectrum/sigma_max"} <= set(
        expected
    )
    assert {key: logged[key][-1] for key in expected} == pytest.approx(expected)
    assert set(logged["cf/step"]) == {0}


def test_the_workspaces_panels_find_what_is_logged(run: Path) -> None:
    logged = {key.removesuffix("._type") for key in wandb_reader.history(run)}
    assert {f"cf/{name}" for name in EXPLANATION} | {"cf/gallery", "cf/report", "spectrum/mean_sorted_table"} <= logged


def test_artifacts_and_what_they_were_made_from(run: Path) -> None:
    found = wandb_reader.artifacts(run)
    results, report = (found.pop(artifact_name(kind, run)) for kind in ("explanation", "report"))
    assert (results.type, report.type) == ("explanation", "report") and not results.use_after_commit
    files = {e.path: e for e in results.manifest.contents}
    assert set(files) >= {"summary.json", "counterfactuals.parquet", "counterfactuals.safetensors", "report.html"}
    assert set(files) >= {"config.yaml", "figures/examples.png"} and "csv/metrics.csv" not in files
    for name, entry in files.items():
        copy = Path(entry.local_path)
        assert copy.read_bytes() == (run / name).read_bytes() and copy.is_relative_to(run / "wandb"), name
    assert [e.path for e in report.manifest.contents] == ["report.html"]

    roles = wandb_reader.config(run)["checkpoints"]
    assert set(roles) == set(ROLES) and len(found) == len(ROLES)
    for role, folder in ROLES.items():
        checkpoint = run.parent / "digits" / folder / "best.ckpt"
        used = found[artifact_name("model", checkpoint.parent)]
        assert used.type == "model" and used.use_after_commit and used.user_created
        assert json.loads(used.metadata) == {"sha256": file_fingerprint(checkpoint)}
        assert roles[role] == f"{used.name} sha256:{file_fingerprint(checkpoint)}"
        (entry,) = used.manifest.contents
        assert entry.ref == checkpoint.as_uri() and entry.size == checkpoint.stat().st_size and not entry.local_path


def test_nothing_is_left_in_the_users_home(run: Path) -> None:
    assert not list(run.parents[1].glob("home/wandb/**/tmp*")) and "WANDB_DATA_DIR" not in os.environ


def test_without_wandb_it_is_silent(in_digits_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wandb, "init", lambda **_: pytest.fail("W&B was started"))
    few = [*SHORT, "--data.predict_limit=3", "--trainer.default_root_dir=silent"]
    run_explain("digits/explain.yaml", *few)
    csv = ["--trainer.logger=pytorch_lightning.loggers.CSVLogger", "--trainer.logger.save_dir=silent"]
    explain.main([config("digits/explain.yaml"), *QUIET, *few, *csv])
    assert not Path("silent/wandb").exists()


def test_disabled_by_the_environment(in_digits_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WANDB_MODE", "disabled")
    few = [*SHORT, "--data.predict_limit=3", "--trainer.default_root_dir=disabled"]
    run_explain("digits/explain.yaml", *few, logger=True)
    wandb.finish()
    assert Path("disabled/report.html").is_file() and not list(Path("disabled").rglob("*.wandb"))


def test_arguments_are_checked() -> None:
    with pytest.raises(InputError, match="max_rows must not be negative; got -1"):
        Dashboard(max_rows=-1)
