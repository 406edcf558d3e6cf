"""The README's commands, word for word: an own classifier on own images, three ways, and jobs of many ranks."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
import timm
import torch
import torchvision

import explain
from tests.support.ranks import ENVIRONMENT, free_port
from tests.support.runs import NO_LOGGER, QUIET, ROOT, fit
from tests.support.trees import write_image_folder

MY_NET = """
import torch

class MyNet(torch.nn.Sequential):
    def __init__(self, weights: str):
        super().__init__(torch.nn.Flatten(), torch.nn.Linear(256, 2))
        self.load_state_dict(torch.load(weights, weights_only=True))
"""


def block(language: str, containing: str) -> str:
    """The README's code block in a language that contains a string."""
    blocks = re.findall(rf"```{language}\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    (found,) = [b for b in blocks if containing in b]
    return found


def test_own_classifier_on_own_images(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    write_image_folder(tmp_path / "my" / "images", n=40, mode="L")
    (tmp_path / "my_package.py").write_text(MY_NET)
    net = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(256, 2))
    torch.save(net.state_dict(), "my_weights.pth")
    for job in ("classifier", "flow_matching"):
        command = f"fit --config configs/image_folder/{job}.yaml --data.root my/images"
        assert command in block("bash", command)
        fit(f"image_folder/{job}.yaml", "--data.root=my/images")

    yaml = block("yaml", "my_package.MyNet")
    assert len(yaml.splitlines()) < 15
    (tmp_path / "my.yaml").write_text(yaml)
    short = [
        "--model.method=counterfactuals.Ascent",
        "--model.method.max_steps=3",
        "--model.control.init_args.max_steps=3",
        "--model.paper_control=null",
    ]
    explain.main(["--config=my.yaml", *short, *QUIET, *NO_LOGGER])
    assert len(pd.read_parquet("runs/mine/counterfactuals.parquet")) == 8

    torch.save(timm.create_model("resnet18", num_classes=2, in_chans=1).state_dict(), "my.pth")
    torch.save(torchvision.models.resnet18(num_classes=2).state_dict(), "my_resnet.pth")
    program = torch.export.export(net, (torch.rand(2, 1, 16, 16),), dynamic_shapes=({0: torch.export.Dim.AUTO},))
    torch.export.save(program, "my_classifier.pt2")
    (line,) = [line for line in yaml.splitlines() if "my_package.MyNet" in line]
    for other in block("yaml", "networks.TimmModel").splitlines():
        (tmp_path / "my.yaml").write_text(yaml.replace(line, "  " + other).replace("runs/mine", "runs/other"))
        explain.main(["--config=my.yaml", *short, *QUIET, *NO_LOGGER])
        assert len(pd.read_parquet("runs/other/counterfactuals.parquet")) == 8

    python = block("python", "my_classifier")
    assert len(python.splitlines()) < 15
    names = {"my_classifier": net, "x": torch.rand(3, 1, 16, 16)}
    exec(python, names)
    assert len(names["cf"]) == 3


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
    """The README's words for four nodes of eight GPUs each, for one with two ranks and no GPU."""
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
    command = block("bash", "torchrun").replace("\\\n", " ").strip()
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
    script = block("bash", "#SBATCH").replace("\\\n", " ")
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
