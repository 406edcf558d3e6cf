"""Two gloo ranks on one machine against one process."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from safetensors.torch import load_file

from tests.support import wandb_reader
from tests.support.runs import IMAGE_FLOW, NO_LOGGER, QUIET, ROOT, config, fit, run_explain

TWO_RANKS = ["--trainer.devices=2", "--trainer.strategy=ddp"]
SEARCH = [
    "--model.method.init_args.max_steps=30",
    "--model.control.init_args.max_steps=30",
    "--model.paper_control=null",
    "--data.predict_limit=31",
    "--data.batch_size=5",
    "--model.objective.init_args.confidence=0.6",
]


def command(script: str, *args: str, logger: bool = False) -> str:
    """Run a script of ours as a user would; ranks are processes of their own."""
    result = subprocess.run(
        [sys.executable, str(ROOT / script), *args, *QUIET, *([] if logger else NO_LOGGER)],
        capture_output=True,
        text=True,
        timeout=240,
        # Not the W&B service of this process, which outlives the script.
        env={**{k: v for k, v in os.environ.items() if k != "WANDB_SERVICE"}, "OMP_NUM_THREADS": "1"},
        check=False,
    )
    assert result.returncode == 0, result.stderr[-3000:]
    return result.stdout


def test_counterfactuals_are_those_of_one_process(in_digits_home: Path) -> None:
    run_explain("digits/explain.yaml", *SEARCH, "--trainer.default_root_dir=one")
    two_ranks = [*SEARCH, *TWO_RANKS, "--trainer.default_root_dir=two"]
    command("explain.py", config("digits/explain.yaml"), *two_ranks, logger=True)
    one, two = (pd.read_parquet(f"{d}/counterfactuals.parquet") for d in ("one", "two"))
    assert one["index"].tolist() == two["index"].tolist() == list(range(31))
    for name in ("status", "control_status", "target", "steps", "oracle_svm"):
        assert one[name].tolist() == two[name].tolist()
    for name in ("im1", "im2", "control_im1"):
        assert np.allclose(one[name], two[name], rtol=1e-3), name
    a, b = (load_file(f"{d}/counterfactuals.safetensors") for d in ("one", "two"))
    for name in a:
        assert np.allclose(a[name], b[name], atol=1e-4), name
    first, second = (json.loads(Path(d, "summary.json").read_text()) for d in ("one", "two"))
    assert np.isclose(first["im1_originals"], second["im1_originals"], rtol=1e-3)
    for key in ("flip_rate", "oracle_accuracy", "fid", "l2_x", "l2_z"):
        assert np.isclose(first[key], second[key], rtol=1e-3), key
        assert np.isclose(first["control"][key], second["control"][key], rtol=1e-3), key
    rows, _ = wandb_reader.table(Path("two"), "cf/gallery")  # there is one W&B run alone, that of rank zero
    assert [row["index"] for row in rows] == list(range(31))
    assert {a.type for a in wandb_reader.artifacts(Path("two")).values()} == {"model", "explanation", "report"}


def test_fit_validates_like_one_process(in_digits_home: Path, capsys: pytest.CaptureFixture) -> None:
    """Same global batch, ten epochs: the same validation loss up to the order of the batches."""
    common = ["--trainer.max_epochs=10", "--model.scheduler=null"]
    fit("digits/svm.yaml", *common, "--data.batch_size=64", "--trainer.default_root_dir=fit1", tiny=False)
    two_ranks = [*TWO_RANKS, "--data.batch_size=32", "--trainer.default_root_dir=fit2"]
    said = capsys.readouterr().out, command("train.py", "fit", config("digits/svm.yaml"), *common, *two_ranks)
    one, two = (float(re.search(r"\(val/loss ([\d.]+)", out)[1]) for out in said)
    assert abs(one - two) < 0.15 * one, (one, two)


@pytest.mark.slow
def test_a_gan_needs_no_search_for_unused_parameters(in_digits_home: Path) -> None:
    """Both losses are in one backward pass, so that every parameter has its gradient in every step."""
    small = [
        f"--model.init_args.{network}.init_args.{value}"
        for network in ("generator", "discriminator")
        for value in ("shape=[1,8,8]", "widths=[8]")
    ]
    command(
        "train.py",
        "fit",
        config("mnist/dcgan.yaml"),
        "--data=datamodules.Digits",
        *small,
        *TWO_RANKS,
        "--model.init_args.augment=networks.AdaptiveAugment",
        "--trainer.max_epochs=2",
        "--trainer.default_root_dir=gan",
    )
    weights = torch.load("gan/last.ckpt", weights_only=True)["state_dict"]
    assert all(value.isfinite().all() for value in weights.values() if value.is_floating_point())
    assert float(weights["augment.p"]) > 0


@pytest.mark.slow
def test_image_flow_trains_like_one_process(in_digits_home: Path) -> None:
    """Same global batches, ActNorm over all ranks, averaged weights: the same bits/dim, spectrum and FID."""
    results = {}
    for ranks, extra in (("1", ["--data.batch_size=64"]), ("2", [*TWO_RANKS, "--data.batch_size=32"])):
        folder = f"realnvp{ranks}"
        command(
            "train.py",
            "fit",
            config("digits/flow.yaml"),
            *IMAGE_FLOW,
            "--trainer.callbacks+=callbacks.Spectrum",
            "--trainer.callbacks.init_args.num_samples=9",
            "--trainer.callbacks.init_args.every_n_epochs=1",
            "--trainer.callbacks+=callbacks.FID",
            "--trainer.callbacks.init_args.extractor=runs/digits/features/best.ckpt",
            "--trainer.callbacks.init_args.every_n_epochs=1",
            *extra,
            "--trainer.max_epochs=2",
            "--trainer.check_val_every_n_epoch=2",
            f"--trainer.default_root_dir={folder}",
            logger=True,
        )
        table = pd.read_csv(f"{folder}/csv/metrics.csv")
        results[ranks] = {k: table[k].dropna().iloc[-1] for k in table if k.startswith(("val/", "spectrum/"))}
    one, two = results["1"], results["2"]
    assert one.keys() == two.keys() and {"val/bpd", "val/fid", "spectrum/effective_dimension"} <= one.keys()
    assert abs(one["val/bpd"] - two["val/bpd"]) < 0.01 * one["val/bpd"], results
    assert abs(one["val/fid"] - two["val/fid"]) < 0.1 * one["val/fid"], results
    for key in ("spectrum/sigma_max", "spectrum/effective_dimension"):
        assert abs(one[key] - two[key]) < 0.1 * one[key], results
