"""A run on a user's own images, some of which are corrupt, replaced or removed before it ends."""

import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import pytorch_lightning as pl
import torch
from PIL import Image

from callbacks import Report, ResultWriter
from counterfactuals import Ascent, PixelChart, ReachClass, RunnerUp
from datamodules import ImageFolder
from lightning_modules import CounterfactualModule
from networks import MLP, InputError
from results.reader import Results


@pytest.fixture
def images(tmp_path: Path) -> Path:
    """Two classes, eight images of each split in each; one class's name is no UTF-8 and breaks a line."""
    rng, root = np.random.default_rng(0), tmp_path / "images"
    for split in ("train", "val", "test"):
        for name in (b"caf\xe9\n", b"tea $x_$ $"):
            folder = root / split / os.fsdecode(name)
            folder.mkdir(parents=True)
            for i in range(8):
                draw(folder / f"{i}.png", rng)
    return root


def draw(file: Path, rng: np.random.Generator) -> None:
    Image.fromarray(rng.integers(0, 256, (8, 8), dtype=np.uint8)).save(file)


def files_of(root: Path) -> list[Path]:
    """In the order in which they are explained."""
    data = ImageFolder(str(root), size=8, grey=True)
    return data.split("test").files  # type: ignore[attr-defined]


class Meanwhile(pl.Callback):
    """What somebody does after the first batch."""

    def __init__(self, act: object = None) -> None:
        self.act = act

    def on_predict_batch_end(self, trainer: pl.Trainer, *args: object) -> None:
        if self.act is not None and args[3] == 0:
            self.act()  # type: ignore[operator]


def explain_images(root: Path, folder: Path, act: object = None, checkpoint: Path | None = None) -> None:
    torch.manual_seed(0)
    module = CounterfactualModule(
        MLP([1, 8, 8], 2), PixelChart([1, 8, 8]), RunnerUp(), ReachClass(0.6), Ascent(0.05, 9)
    )
    if checkpoint is not None:
        module.checkpoints["predictor"] = str(checkpoint)
    trainer = pl.Trainer(
        default_root_dir=folder,
        callbacks=[Meanwhile(act), ResultWriter(), *([Report()] if checkpoint else [])],
        accelerator="cpu",
        logger=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        inference_mode=False,
    )
    data = ImageFolder(str(root), size=8, grey=True, batch_size=4)
    trainer.predict(module, datamodule=data, return_predictions=False)


@pytest.mark.parametrize("mended", ["replaced", "removed"])
def test_a_corrupt_image_is_mended_and_the_run_goes_on(
    images: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, mended: str
) -> None:
    monkeypatch.setattr("lightning_modules.understood.LOOKED_AT", 2)  # not all: it is not found at the start
    corrupt = files_of(images)[9]
    corrupt.write_bytes(b"no image")
    with pytest.raises(InputError, match="cannot be read as an image: remove or replace it"):
        explain_images(images, tmp_path / "run")
    assert "8 finished searches are kept" in capsys.readouterr().out
    corrupt.unlink()
    if mended == "replaced":
        draw(corrupt, np.random.default_rng(5))
    explain_images(images, tmp_path / "run")
    kept = 8 if mended == "replaced" else 7 + (corrupt not in files_of(images))
    assert f"Continuing: {kept} searches of an earlier run are kept" in capsys.readouterr().out
    explain_images(images, tmp_path / "whole")
    again, whole = (pd.read_parquet(tmp_path / f / "counterfactuals.parquet") for f in ("run", "whole"))
    columns = [c for c in whole if "seconds" not in c and "decodes" not in c]
    pd.testing.assert_frame_equal(again[columns], whole[columns], rtol=1e-4, atol=1e-5)
    assert len(again) == (16 if mended == "replaced" else 15)


@pytest.mark.parametrize("what", ["replaced", "removed"])
def test_an_image_that_changes_while_the_run_goes_on_is_noticed(
    images: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], what: str
) -> None:
    file = files_of(images)[10]

    def change() -> None:
        file.unlink()
        if what == "replaced":
            draw(file, np.random.default_rng(6))

    told = {"replaced": "has been replaced since this run began: run the same command again", "removed": "remove or re"}
    with pytest.raises(InputError, match=told[what]):
        explain_images(images, tmp_path / "run", change)
    capsys.readouterr()
    explain_images(images, tmp_path / "run")
    assert "Continuing: 8 searches of an earlier run are kept" in capsys.readouterr().out
    assert len(pd.read_parquet(tmp_path / "run" / "counterfactuals.parquet")) == (16 if what == "replaced" else 15)


def test_a_checkpoint_that_is_deleted_and_a_name_that_is_no_utf8(images: Path, tmp_path: Path) -> None:
    """Both used to lose all searches at the end."""
    checkpoint = tmp_path / "predictor.ckpt"
    checkpoint.write_bytes(b"weights")
    for folder in images.rglob("tea*"):
        folder.rename(folder.with_name("tea"))  # two dollar signs are matplotlib's mathematics
    explain_images(images, tmp_path / "run", checkpoint.unlink, checkpoint)
    results = Results(tmp_path / "run")
    assert results.class_names == ["caf\\xe9\\n", "tea"]
    assert "sha256:" in results.summary["provenance"]["checkpoints"]["predictor"]
    assert "caf\\\\xe9\\\\n" in (tmp_path / "run" / "report.html").read_text()
