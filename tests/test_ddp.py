"""Two gloo ranks on one machine against one process."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
from safetensors.torch import load_file

from tests.runs import NO_LOGGER, QUIET, ROOT, config, run_explain

TWO_RANKS = ["--trainer.devices=2", "--trainer.strategy=ddp"]
SEARCH = [
    "--model.method.init_args.max_steps=30",
    "--model.control.init_args.max_steps=30",
    "--data.predict_limit=31",
    "--data.batch_size=5",
    "--model.objective.init_args.confidence=0.6",
]


def command(script: str, *args: str) -> str:
    """Run a script of ours as a user would; ranks are processes of their own."""
    result = subprocess.run(
        [sys.executable, str(ROOT / script), *args, *QUIET, *NO_LOGGER],
        capture_output=True,
        text=True,
        timeout=240,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        check=False,
    )
    assert result.returncode == 0, result.stderr[-3000:]
    return result.stdout


def test_counterfactuals_are_those_of_one_process(in_digits_home: Path) -> None:
    run_explain("digits/explain.yaml", *SEARCH, "--trainer.default_root_dir=one")
    command("explain.py", config("digits/explain.yaml"), *SEARCH, *TWO_RANKS, "--trainer.default_root_dir=two")
    one, two = (pd.read_parquet(f"{d}/counterfactuals.parquet") for d in ("one", "two"))
    assert one["index"].tolist() == two["index"].tolist() == list(range(31))
    for name in ("status", "control_status", "target", "steps", "oracle_svm"):
        assert one[name].tolist() == two[name].tolist()
    a, b = (load_file(f"{d}/counterfactuals.safetensors") for d in ("one", "two"))
    for name in a:
        assert np.allclose(a[name], b[name], atol=1e-4), name
    first, second = (json.loads(Path(d, "summary.json").read_text()) for d in ("one", "two"))
    for key in ("flip_rate", "oracle_accuracy", "fid", "l2_x", "l2_z"):
        assert np.isclose(first[key], second[key], rtol=1e-3), key
        assert np.isclose(first["control"][key], second["control"][key], rtol=1e-3), key


def test_fit_validates_like_one_process(in_digits_home: Path) -> None:
    """Same global batch, ten epochs: the same validation loss up to the order of the batches."""
    losses = {}
    for ranks, extra in (("1", ["--data.batch_size=64"]), ("2", [*TWO_RANKS, "--data.batch_size=32"])):
        out = command(
            "train.py",
            "fit",
            config("digits/svm.yaml"),
            *extra,
            "--trainer.max_epochs=10",
            "--model.scheduler=null",
            f"--trainer.default_root_dir=fit{ranks}",
        )
        losses[ranks] = float(out.split("(val/loss ")[1].split(")")[0])
    assert abs(losses["1"] - losses["2"]) < 0.15 * losses["1"], losses


def test_more_ranks_than_samples_is_one_clear_error(in_digits_home: Path) -> None:
    result = subprocess.run(
        [
            sys.executable,
            str(ROOT / "explain.py"),
            config("digits/explain.yaml"),
            "--data.predict_limit=1",
            *TWO_RANKS,
            *QUIET,
            *NO_LOGGER,
            "--trainer.default_root_dir=few",
        ],
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert result.returncode != 0
    assert "error: 1 samples cannot be shared by 2 ranks: use at most 1 devices" in result.stderr
