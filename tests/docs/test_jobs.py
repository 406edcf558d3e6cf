"""The jobs of many ranks that docs/clusters.md has, word for word, on two."""

import os
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
import torch

from tests.support.pages import DOCS, block
from tests.support.ranks import ENVIRONMENT, free_port
from tests.support.runs import QUIET, ROOT
from tests.support.trees import write_image_folder

PAGE = DOCS / "clusters.md"
DIES_ONCE = """
import os
import pytorch_lightning as pl

class Dies(pl.Callback):
    def on_train_epoch_start(self, trainer, pl_module):
        first = os.environ.get("TORCHELASTIC_RESTART_COUNT") == "0"
        if first and trainer.global_rank == 1 and trainer.current_epoch == 2:
            os._exit(3)
"""
#: the paper's Glow, made small, for three epochs
TINY_GLOW = [
    "--data.batch_size=8",
    "--model.init_args.flow.init_args.num_steps=1",
    "--model.init_args.flow.init_args.subnet.init_args.width=4",
    "--trainer.max_epochs=3",
    "--trainer.limit_train_batches=1",
    "--trainer.limit_val_batches=1",
    "--trainer.log_every_n_steps=1",
    *QUIET,
]


def on_two_ranks(command: str) -> list[str]:
    """The page's words for four nodes of eight GPUs each, for one with two ranks and no GPU."""
    here = {"--nnodes 4": "--nnodes 1", "--nproc-per-node 8": "--nproc-per-node 2", "node0:29500": "localhost:0"}
    here |= {"--trainer.num_nodes 4": "--trainer.num_nodes 1", "--trainer.devices 8": "--trainer.devices 2"}
    for theirs, ours in here.items():
        command = command.replace(theirs, ours)
    return [word if not word.startswith(("train.py", "configs/")) else str(ROOT / word) for word in command.split()]


def run_words(words: list[str], folder: Path, **environment: str) -> subprocess.Popen:
    env = {**ENVIRONMENT, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}", "PYTHONPATH": str(folder)}
    given = {"cwd": folder, "stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
    return subprocess.Popen(words, env={**env, **environment}, **given)


@pytest.fixture
def glow_home(tmp_path: Path) -> Path:
    write_image_folder(tmp_path / "my" / "images", n=40)
    (tmp_path / "dies.py").write_text(DIES_ONCE)
    return tmp_path


@pytest.mark.slow
def test_torchrun_restarts_go_on_by_themselves(glow_home: Path) -> None:
    """Glow in bf16-mixed with activations that are rebuilt; a rank dies in the third epoch."""
    command = block(PAGE, "bash", "torchrun").replace("\\\n", " ").strip()
    assert "bf16-mixed" in command and "glow_64.yaml" in command and "--max-restarts 3" in command
    variable, _, command = command.partition(" ")
    words = [*on_two_ranks(command), *TINY_GLOW, "--trainer.callbacks+=dies.Dies"]
    job = run_words(words, glow_home, **dict([variable.split("=")]))
    said, _ = job.communicate(timeout=240)
    assert job.returncode == 0, said[-3000:]
    assert said.count("Started again: going on from runs/image_folder/glow_64/last.ckpt") == 1
    run = glow_home / "runs" / "image_folder" / "glow_64"
    resumed = pd.read_csv(run / "csv" / "resumed-1" / "metrics.csv")
    assert resumed["epoch"].min() == 2, "two epochs were done"
    assert torch.load(run / "last.ckpt", weights_only=True)["epoch"] == 2


@pytest.mark.slow
def test_slurm(glow_home: Path) -> None:
    """``srun`` starts every rank and says in the environment which one it is."""
    script = block(PAGE, "bash", "#SBATCH").replace("\\\n", " ")
    assert "#SBATCH --nodes=4 --ntasks-per-node=8 --gres=gpu:8" in script
    (srun,) = [line for line in script.splitlines() if line.startswith("srun ")]
    words = on_two_ranks(srun.removeprefix("srun "))
    words[words.index("--data.num_workers") + 1] = "0"
    slurm = {"NTASKS": "2", "NTASKS_PER_NODE": "2", "NNODES": "1", "NODEID": "0", "NODELIST": "localhost"}
    slurm |= {"JOB_ID": str(free_port()), "JOB_NAME": "glow"}  # the port is made of the job's number
    jobs = [
        run_words(
            [*words, *TINY_GLOW, "--trainer.max_epochs=1"],
            glow_home,
            **{f"SLURM_{k}": v for k, v in {**slurm, "PROCID": rank, "LOCALID": rank}.items()},
        )
        for rank in "01"
    ]
    said = [job.communicate(timeout=240)[0] for job in jobs]
    assert [job.returncode for job in jobs] == [0, 0], said[0][-2000:] + said[1][-2000:]
    assert "MEMBER: 2/2" in said[1] and "best checkpoint" in said[0] and "best checkpoint" not in said[1]
