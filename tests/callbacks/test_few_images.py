"""Runs on data sets of a handful of images."""

import json
from pathlib import Path

import pytest
import pytorch_lightning as pl

from callbacks import ChartQuality, OnManifold, Realism, Report, ResultWriter
from counterfactuals import Ascent, PixelChart, ReachClass, RunnerUp
from datamodules import ImageFolder
from lightning_modules import CounterfactualModule
from networks import CNN
from tests.support.trees import plant


@pytest.mark.parametrize(("val", "n"), [("a/1.png", 1), ("{a,b}/1.png", 2)])
def test_one_and_two_validation_images(tmp_path: Path, capsys: pytest.CaptureFixture[str], val: str, n: int) -> None:
    data = ImageFolder(str(plant(tmp_path, "{train,test}/{a,b}/{1..3}.png", f"val/{val}")), grey=True, size=8)
    module = CounterfactualModule(
        CNN([1, 8, 8], 2, widths=[4]), PixelChart([1, 8, 8]), RunnerUp(), ReachClass(0.6), Ascent(0.05, 3)
    )
    trainer = pl.Trainer(
        default_root_dir=tmp_path / "run",
        callbacks=[ChartQuality(), Realism(), OnManifold(), ResultWriter(), Report()],
        accelerator="cpu",
        logger=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        inference_mode=False,
    )
    trainer.predict(module, data, return_predictions=False)
    sentence = f"no certificate can be green: 1 of the {n} real samples of val are left to judge by"
    assert sentence in capsys.readouterr().out
    problems = json.loads((tmp_path / "run" / "summary.json").read_text())["quality"]["problems"]
    assert any(sentence in problem for problem in problems) and not any("nan" in problem for problem in problems)
    assert sentence in (tmp_path / "run" / "report.html").read_text()
