"""A sample's result depends on that sample alone, through the whole command line."""

from pathlib import Path

import pandas as pd
import torch
from safetensors.torch import load_file

from counterfactuals import Ascent, Momentum, ReachClass, RunnerUp, Status, explain
from datamodules import Digits
from lightning_modules import ClassifierModule, FlowModule, load
from tests.runs import run_explain
from tests.test_ddp import command, config

#: by Momentum: Adam divides by gradients near zero, of a network that is hardly trained by rounding alone
SETTINGS = [
    "--model.method.init_args.max_steps=100",
    "--model.method.init_args.step_size=0.2",
    "--model.method.init_args.optimizer=counterfactuals.Momentum",
    "--model.control=null",
    "--data.predict_limit=64",
    "--model.objective.init_args.confidence=0.6",
]
N = 64


def outcome(folder: str) -> tuple[list[str], torch.Tensor]:
    table = pd.read_parquet(f"{folder}/counterfactuals.parquet")
    assert table["index"].tolist() == list(range(N))
    return table["status"].tolist(), load_file(f"{folder}/counterfactuals.safetensors")["z_prime"]


def test_batches_slots_order_and_ranks(in_digits_home: Path) -> None:
    run_explain("digits/explain.yaml", *SETTINGS, "--trainer.default_root_dir=reference")
    status, z_prime = outcome("reference")
    assert "flipped" in status

    for batch_size, slots in ((1, 1), (7, 16), (64, 1), (64, 16), (64, 64)):
        arguments = [f"--data.batch_size={batch_size}", f"--model.slots={slots}", "--trainer.default_root_dir=other"]
        run_explain("digits/explain.yaml", *SETTINGS, *arguments)
        other, z = outcome("other")
        assert other == status and torch.allclose(z, z_prime, atol=1e-4), (batch_size, slots)

    for ranks in (2, 3):
        distributed = [f"--trainer.devices={ranks}", "--trainer.strategy=ddp", "--trainer.default_root_dir=ranks"]
        command("explain.py", config("digits/explain.yaml"), *SETTINGS, *distributed)
        other, z = outcome("ranks")
        assert other == status and torch.allclose(z, z_prime, atol=1e-4), ranks

    x = Digits().split("test").__getitems__(range(N))["x"]
    order = torch.randperm(N)
    predictor = load("runs/digits/classifier/best.ckpt", ClassifierModule).network
    chart = load("runs/digits/flow/best.ckpt", FlowModule).chart()
    cf = explain(
        predictor, chart, x[order], RunnerUp(), Ascent(0.2, 100, optimizer=Momentum()), ReachClass(0.6), slots=16
    )
    assert [Status(s).name.lower() for s in cf.status[order.argsort()].tolist()] == status
    assert torch.allclose(cf.z_prime[order.argsort()], z_prime, atol=1e-4)
