"""A sample's result depends on that sample alone, through the whole command line."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from safetensors.torch import load_file

from counterfactuals import Ascent, Momentum, ReachClass, RunnerUp, Status, explain
from datamodules import Digits
from lightning_modules import ClassifierModule, FlowModule, load
from tests.programs.test_ddp import command, config
from tests.support.runs import NO_CONTROLS, run_explain

#: by Momentum: Adam divides by gradients near zero, of a network that is hardly trained by rounding alone; and of a
#: predictor without kinks: where a ReLU's input is 1e-7, the rounding of a CPU's kernels decides about the gradient
PREDICTOR = "runs/digits/svm/best.ckpt"
SETTINGS = [
    f"--model.predictor={PREDICTOR}",
    "--model.method.init_args.max_steps=100",
    "--model.method.init_args.step_size=0.2",
    "--model.method.init_args.optimizer=counterfactuals.Momentum",
    *NO_CONTROLS,
    "--data.predict_limit=64",
    "--model.objective.init_args.confidence=0.6",
]
N = 64


COLUMNS = ["feature_distance", "neighbours", "cout", "margin", "im1", "im2", "log_q", "nonconformity", "l2_z_class"]
MEASURED = ["fid", "kid", "spatial_fid", "oracle_accuracy", "im1", "nonconformity", "originals_off_manifold"]


def outcome(folder: str) -> tuple[list[str], torch.Tensor]:
    table = pd.read_parquet(f"{folder}/counterfactuals.parquet")
    assert table["index"].tolist() == list(range(N))
    return table["status"].tolist(), load_file(f"{folder}/counterfactuals.safetensors")["z_prime"]


def check_measured(folder: str) -> None:
    """Every figure of the reference run, by rows and over all of them."""
    table, expected = (pd.read_parquet(f"{f}/counterfactuals.parquet") for f in (folder, "reference"))
    # A grey value on the edge of two may be rounded to either; its row's measurements then differ a little.
    assert np.isclose(table[COLUMNS], expected[COLUMNS], rtol=0.02, atol=0.02).mean() > 0.98, folder
    assert table["tangent_share"].notna().sum() == expected["tangent_share"].notna().sum()
    summary, reference = (json.loads(Path(f, "summary.json").read_text()) for f in (folder, "reference"))
    for key in MEASURED:
        assert summary[key] == pytest.approx(reference[key], rel=0.02), (folder, key)
    assert summary["certificate"] == reference["certificate"] and summary["pairs"] == reference["pairs"]


#: (batch size, slots), and numbers of ranks
FEW: tuple = ((7, 16),), ()  # ranks: tests/programs/test_ddp.py, on two; test_ranks.py, on three
ALL = ((1, 1), (7, 16), (64, 1), (64, 16), (64, 64)), (2, 3)


@pytest.mark.parametrize("batching, numbers", [FEW, pytest.param(*ALL, marks=pytest.mark.slow)], ids=["few", "all"])
def test_batches_slots_order_and_ranks(
    in_digits_home: Path, batching: tuple[tuple[int, int], ...], numbers: tuple[int, ...]
) -> None:
    run_explain("digits/explain.yaml", *SETTINGS, "--trainer.default_root_dir=reference")
    status, z_prime = outcome("reference")
    assert "flipped" in status

    for batch_size, slots in batching:
        arguments = [f"--data.batch_size={batch_size}", f"--model.slots={slots}", "--trainer.default_root_dir=other"]
        run_explain("digits/explain.yaml", *SETTINGS, *arguments)
        other, z = outcome("other")
        assert other == status and torch.allclose(z, z_prime, atol=1e-4), (batch_size, slots)
        check_measured("other")

    for ranks in numbers:
        distributed = [f"--trainer.devices={ranks}", "--trainer.strategy=ddp", "--trainer.default_root_dir=ranks"]
        command("explain.py", config("digits/explain.yaml"), *SETTINGS, *distributed)
        other, z = outcome("ranks")
        assert other == status and torch.allclose(z, z_prime, atol=1e-4), ranks
        check_measured("ranks")  # 22, 21 and 21 samples on three ranks

    x = Digits().split("test").__getitems__(range(N))["x"]
    order = torch.randperm(N)
    predictor = load(PREDICTOR, ClassifierModule).network
    chart = load("runs/digits/flow/best.ckpt", FlowModule).chart()
    cf = explain(
        predictor,
        chart,
        x[order],
        RunnerUp(),
        Ascent(0.2, 100, optimizer=Momentum()),
        ReachClass(0.6),
        slots=16,
        levels=17,
    )
    assert [Status(s).name.lower() for s in cf.status[order.argsort()].tolist()] == status
    assert torch.allclose(cf.z_prime[order.argsort()], z_prime, atol=1e-4)
