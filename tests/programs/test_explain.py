"""explain.py from the outside: what it writes, logs and says."""

import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
import wandb
import yaml
from safetensors.torch import load_file

import explain
from counterfactuals import ReachTypical
from datamodules import Digits
from lightning_modules import ClassifierModule, load
from networks import InputError
from tests.support.runs import NO_CONTROLS, config, run_explain
from tests.support.wandb_reader import history

KEYS = {
    "n",
    "flip_rate",
    "oracle_accuracy",
    "fid",
    "l2_x",
    "l2_z",
    "reconstruction_error",
    "median_steps",
    "seconds_per_sample",
}
SHORT = [
    "--model.method.init_args.max_steps=60",
    "--model.control.init_args.max_steps=60",
    "--model.paper_control=null",
    "--data.predict_limit=40",
    "--model.objective.init_args.confidence=0.6",
]


FEW_STEPS = [
    *(f"--model.others.{name}.init_args.max_steps=20" for name in ("dombrowski", "joshi", "zhao")),
    *(f"--model.others.{name}.init_args.steps=10" for name in ("liu", "looveren")),
]


@pytest.fixture(scope="module")
def run(digits_home: Path) -> Path:
    """One explain run with loggers, batches of 16."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(digits_home)
        run_explain("digits/explain.yaml", *SHORT, "--data.batch_size=16", logger=True)
        wandb.finish()
    return digits_home / "runs/digits/explain"


def test_folder(run: Path) -> None:
    names = {p.name for p in run.iterdir()}
    assert {
        "counterfactuals.safetensors",
        "counterfactuals.parquet",
        "summary.json",
        "report.html",
        "config.yaml",
    } <= names
    assert "shards" not in names and not list(run.glob(".*partial"))


def test_table_and_tensors_agree(run: Path) -> None:
    table, tensors = pd.read_parquet(run / "counterfactuals.parquet"), load_file(run / "counterfactuals.safetensors")
    assert table["index"].tolist() == list(range(40)) == tensors["index"].tolist()
    assert table["target"].tolist() == tensors["target"].tolist()
    l2 = (tensors["counterfactual"] - tensors["x"]).flatten(1).norm(dim=1)
    assert np.allclose(table["l2_x"], l2, atol=1e-6)
    predictor = load(run.parent / "classifier/best.ckpt", ClassifierModule).network
    with torch.no_grad():
        confidence = predictor(tensors["counterfactual"]).softmax(1).gather(1, tensors["target"][:, None])[:, 0]
    assert np.allclose(table["confidence"], confidence, atol=1e-5)
    assert ((table["confidence"] > 0.6) == (table["status"] == "flipped")).all()


def test_summary_is_the_tables(run: Path) -> None:
    summary, table = json.loads((run / "summary.json").read_text()), pd.read_parquet(run / "counterfactuals.parquet")
    assert set(summary) >= KEYS and set(summary["control"]) >= KEYS - {"n"}
    for part, prefix in ((summary, ""), (summary["control"], "control_")):
        flipped = table[table[prefix + "status"] == "flipped"]
        assert part["flip_rate"] == pytest.approx(len(flipped) / 40)
        assert part["oracle_accuracy"] == pytest.approx((flipped[prefix + "oracle_svm"] == flipped["target"]).mean())
        assert part["l2_z"] == pytest.approx(flipped[prefix + "l2_z"].median(), rel=1e-5)
        assert part["fid"] > 0
    assert len(summary["spectrum"]["sigma"]) == 64
    assert "sha256:" in summary["provenance"]["checkpoints"]["chart"]


def test_wandb_offline_file_holds_the_numbers(run: Path) -> None:
    logged, summary = history(run / "wandb"), json.loads((run / "summary.json").read_text())
    for key in ("oracle_accuracy", "fid", "flip_rate"):
        assert logged[f"cf/{key}"][-1] == pytest.approx(summary[key])
        assert logged[f"cf/control/{key}"][-1] == pytest.approx(summary["control"][key])
    assert logged["spectrum/effective_dimension"][-1] == pytest.approx(summary["spectrum"]["effective_dimension"])
    assert any(key.startswith("spectrum/mean_sorted") for key in logged)
    assert any(key.startswith("spectrum/log10_sigma") for key in logged)


def test_csv_is_always_written(run: Path) -> None:
    csv = pd.read_csv(run / "csv" / "metrics.csv")
    assert {"cf/oracle_accuracy", "cf/fid", "cf/control/fid", "spectrum/sigma_max"} <= set(csv.columns)


def test_the_saved_config_is_the_resolved_one(run: Path) -> None:
    config = yaml.safe_load((run / "config.yaml").read_text())
    assert config["model"]["method"]["init_args"]["max_steps"] == 60
    assert config["trainer"]["inference_mode"] is False


def test_a_second_run_replaces_the_first(in_digits_home: Path, capsys: pytest.CaptureFixture) -> None:
    for limit in (6, 4):
        run_explain("digits/explain.yaml", *SHORT, f"--data.predict_limit={limit}", "--trainer.default_root_dir=again")
    assert len(pd.read_parquet("again/counterfactuals.parquet")) == 4
    printed = capsys.readouterr().out
    assert "flip rate" in printed and str(in_digits_home / "again/report.html") in printed


def test_nothing_flipped_is_a_result_too(in_digits_home: Path) -> None:
    run_explain(
        "digits/explain.yaml",
        "--model.method.init_args.max_steps=1",
        "--model.control.init_args.max_steps=1",
        "--model.paper_control=null",
        "--model.objective.init_args.confidence=0.999999",
        "--data.predict_limit=5",
        "--trainer.default_root_dir=none",
    )
    summary = json.loads(Path("none/summary.json").read_text())
    assert summary["flip_rate"] == 0 and summary["fid"] is None and summary["oracle_accuracy"] is None
    shutil.rmtree("none")


def test_every_other_class(in_digits_home: Path) -> None:
    run_explain(
        "digits/explain.yaml",
        *SHORT,
        "--data.predict_limit=3",
        "--trainer.default_root_dir=others",
        "--model.target=counterfactuals.EveryOther",
    )
    table = pd.read_parquet("others/counterfactuals.parquet")
    assert len(table) == 27 and table.groupby("index")["target"].nunique().tolist() == [9, 9, 9]


def test_no_more_certain_than_of_real_images(in_digits_home: Path) -> None:
    """Until the model is as certain as of three quarters of the training images of the class."""
    run_explain(
        "digits/explain.yaml",
        *SHORT,
        "--model.objective=counterfactuals.ReachTypical",
        "--model.objective.init_args.quantile=0.25",
        "--model.references=400",
        "--data.predict_limit=12",
        "--trainer.default_root_dir=typical",
    )
    train, table = Digits().split("train").x, pd.read_parquet("typical/counterfactuals.parquet")
    network = load("runs/digits/classifier/best.ckpt", ClassifierModule).network
    chosen = torch.randperm(len(train), generator=torch.Generator().manual_seed(0))[:400]
    objective = ReachTypical(0.25)
    objective.prepare(network, train[chosen])
    flipped = table[table.status == "flipped"]
    typical = objective.typical(torch.tensor(flipped.target.to_numpy())).numpy()
    assert len(flipped) > 6
    assert np.allclose(flipped.logit_margin - flipped.confidence, typical, atol=1e-4)
    assert (flipped.logit_margin > typical).all()


def test_a_users_own_classifier_by_class_path(
    in_digits_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "my_models.py").write_text(
        "import torch\n"
        "class Mine(torch.nn.Sequential):\n"
        "    def __init__(self, width: int):\n"
        "        layers = torch.nn.Linear(64, width), torch.nn.ReLU(), torch.nn.Linear(width, 10)\n"
        "        super().__init__(torch.nn.Flatten(), *layers)\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    run_explain(
        "digits/explain.yaml",
        *SHORT,
        "--data.predict_limit=5",
        "--trainer.default_root_dir=mine",
        "--model.predictor=my_models.Mine",
        "--model.predictor.width=12",
    )
    assert len(pd.read_parquet("mine/counterfactuals.parquet")) == 5


def test_methods_side_by_side(in_digits_home: Path, capsys: pytest.CaptureFixture) -> None:
    run_explain("digits/compare.yaml", *SHORT, *FEW_STEPS, "--data.predict_limit=8")
    folder = Path("runs/digits/compare")
    summary, table = (
        json.loads((folder / "summary.json").read_text()),
        pd.read_parquet(folder / "counterfactuals.parquet"),
    )
    assert list(summary["others"]) == ["dombrowski", "joshi", "liu", "zhao", "looveren"]
    for name, numbers in summary["others"].items():
        assert {"flip_rate", "oracle_accuracy", "ssim", "seconds_per_sample", "failed"} <= set(numbers)
        flipped = table[f"{name}_status"] == "flipped"
        searched = table[f"{name}_status"] != "already_target"
        assert numbers["flip_rate"] == pytest.approx(flipped.sum() / searched.sum())
    said = capsys.readouterr().out.splitlines()
    header = next(line for line in said if line.strip().startswith("counterfactual") and "joshi" in line)
    assert header.split() == ["counterfactual", "dombrowski", "joshi", "liu", "zhao", "looveren", "control"]
    tensors = load_file(folder / "counterfactuals.safetensors")
    assert tensors["zhao_counterfactual"].shape == tensors["x"].shape


def test_names_of_methods_are_checked(in_digits_home: Path) -> None:
    with pytest.raises(InputError, match="'control' cannot name a method"):
        run_explain("digits/explain.yaml", "--model.others={control: counterfactuals.Ascent}")


def test_one_callback_and_the_bar(in_digits_home: Path, capsys: pytest.CaptureFixture) -> None:
    """A single ``--trainer.callbacks`` is no list; shown as a user sees it, with the bar."""
    few = [
        *SHORT,
        "--data.predict_limit=4",
        *NO_CONTROLS,
        "--model.method.init_args.keep_every=10",
    ]
    quiet = ["--trainer.accelerator=cpu", "--trainer.logger=false", "--trainer.default_root_dir=bar"]
    explain.main([config("digits/explain.yaml"), *few, *quiet, "--trainer.callbacks=callbacks.SearchPath"])
    assert "searches: 4 of 4 (100%)" in capsys.readouterr().err and Path("bar/figures/path.gif").is_file()


def test_a_training_keeps_its_folder(in_digits_home: Path) -> None:
    with pytest.raises(InputError, match="classifier holds a training's checkpoints"):
        run_explain("digits/explain_4_to_9.yaml", "--trainer.default_root_dir=runs/digits/classifier")
