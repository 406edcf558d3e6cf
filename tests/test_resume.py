"""A training that is killed and goes on is the training that was never killed."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd

from tests.runs import IMAGE_FLOW, QUIET, ROOT, config

FIT = [
    sys.executable,
    str(ROOT / "train.py"),
    "fit",
    config("digits/flow.yaml"),
    *IMAGE_FLOW,
    *QUIET,
    "--trainer.log_every_n_steps=1",
    "--trainer.max_epochs=6",
    "--trainer.check_val_every_n_epoch=1",
    "--model.init_args.warmup_steps=20",
    "--model.init_args.scheduler.init_args.T_max=6",
]
ENVIRONMENT = {**os.environ, "OMP_NUM_THREADS": "1", "WANDB_MODE": "offline"}


def losses(file: Path) -> dict[int, float]:
    table = pd.read_csv(file).dropna(subset=["train/bpd"])
    return dict(zip(table["step"].astype(int), table["train/bpd"], strict=True))


def test_killed_and_resumed_it_has_the_same_loss_curve(tmp_path: Path) -> None:
    def run(*args: str) -> None:
        subprocess.run([*FIT, *args], cwd=tmp_path, env=ENVIRONMENT, check=True, capture_output=True, timeout=240)

    run("--trainer.default_root_dir=whole")
    process = subprocess.Popen(
        [*FIT, "--trainer.default_root_dir=killed"],
        cwd=tmp_path,
        env=ENVIRONMENT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    last, deadline = tmp_path / "killed" / "last.ckpt", time.time() + 120
    while not last.exists() and time.time() < deadline:
        time.sleep(0.1)
    time.sleep(0.3)
    os.killpg(process.pid, signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL, "it ended before it was killed"

    run("--trainer.default_root_dir=killed", "--ckpt_path=killed/last.ckpt")
    whole = losses(tmp_path / "whole" / "csv" / "metrics.csv")
    resumed = losses(tmp_path / "killed" / "csv" / "resumed-1" / "metrics.csv")
    assert 0 < len(resumed) < len(whole) and max(resumed) == max(whole)
    assert all(abs(resumed[step] - whole[step]) < 1e-5 for step in resumed)
