"""Running the command lines on tiny settings, in this process."""

from pathlib import Path
from typing import Any

import pytest
import torch

import explain
import train

ROOT = Path(__file__).parents[2]
needs_gpu = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
QUIET = ["--trainer.enable_progress_bar=false", "--trainer.enable_model_summary=false", "--trainer.accelerator=cpu"]
NO_LOGGER = ["--trainer.logger=false"]
NO_CONTROLS = ["--model.control=null", "--model.paper_control=null"]
#: turns configs/digits/flow.yaml into a small image flow with everything that has a state
IMAGE_FLOW = [
    "--model.init_args.flow=networks.RealNVP",
    "--model.init_args.flow.init_args.shape=[1,8,8]",
    "--model.init_args.flow.init_args.base_width=8",
    "--model.init_args.flow.init_args.num_blocks=1",
    "--model.init_args.flow.init_args.levels=17",
    "--model.init_args.flow.init_args.alpha=0.2",
    "--trainer.callbacks=callbacks.EMA",
    "--trainer.callbacks.init_args.decay=0.9",
]
TINY_FIT = [
    "--trainer.max_epochs=1",
    "--trainer.limit_train_batches=2",
    "--trainer.limit_val_batches=1",
    "--trainer.check_val_every_n_epoch=1",
    "--trainer.val_check_interval=1.0",
]


def config(name: str) -> str:
    return f"--config={ROOT / 'configs' / name}"


def fit(name: str, *args: Any, tiny: bool = True) -> None:
    train.main(["fit", config(name), *QUIET, *NO_LOGGER, *(TINY_FIT if tiny else []), *map(str, args)])


def run_explain(name: str, *args: Any, logger: bool = False) -> None:
    explain.main([config(name), *QUIET, *([] if logger else NO_LOGGER), *map(str, args)])


def train_digits(*args: Any, tiny: bool = True) -> None:
    """All checkpoints that configs/digits/explain.yaml asks for, below the working directory."""
    for job in ("classifier", "svm", "oracle", "oracle_noise", "features", "autoencoders", "flow"):
        fit(f"digits/{job}.yaml", *args, tiny=tiny)
