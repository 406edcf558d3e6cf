from pathlib import Path

import numpy as np
import pytest
import pytorch_lightning as pl
import torch
from PIL import Image

from callbacks import Reconstructions, Samples
from datamodules import Digits
from lightning_modules import ClassifierModule, FlowModule, VAEModule
from networks import CNN, ConvVAE, InputError, VectorRealNVP


def train(task: pl.LightningModule, folder: Path, *callbacks: pl.Callback, epochs: int = 2) -> None:
    trainer = pl.Trainer(
        max_epochs=epochs,
        limit_train_batches=1,
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        accelerator="cpu",
        default_root_dir=folder,
        callbacks=list(callbacks),
    )
    trainer.fit(task, datamodule=Digits())


def picture(file: Path) -> np.ndarray:
    return np.array(Image.open(file))[:, :, 0] / 255


def test_images_above_what_comes_back_every_so_often(tmp_path: Path) -> None:
    vae = VAEModule(ConvVAE([1, 8, 8], [4], 3))
    train(vae, tmp_path, Reconstructions(num_samples=5, every_n_epochs=2), Samples(4, every_n_epochs=4), epochs=4)
    files = sorted((tmp_path / "reconstructions").iterdir())
    assert [f.name for f in files] == ["epoch-001.png", "epoch-003.png"]
    assert (tmp_path / "samples" / "epoch-003.png").is_file()
    first, second = map(picture, files)
    assert first.shape == (2 * 9 + 1, 5 * 9 + 1)
    assert np.array_equal(first[:9], second[:9]) and first[:9].std() > 0.2  # the same images
    assert not np.array_equal(first[10:], second[10:])
    x = torch.tensor(first[1:9, 1:9], dtype=torch.float32)[None, None]
    back = vae.eval()(x)[0, 0].detach().numpy()
    last = second[10:18, 1:9]
    assert np.abs(back - last).max() < 0.01
    assert all(p.requires_grad for p in vae.parameters())


def test_what_goes_through_a_flow_comes_back(tmp_path: Path) -> None:
    train(FlowModule(VectorRealNVP([1, 8, 8], 2, [8], levels=17)), tmp_path, Reconstructions(), epochs=1)
    image = picture(tmp_path / "reconstructions" / "epoch-000.png")
    assert np.abs(image[1:9] - image[10:18]).max() < 0.01


def test_a_task_without_a_chart_says_so_at_once(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="ClassifierModule makes no chart: leave out the callbacks"):
        train(ClassifierModule(CNN([1, 8, 8], 10)), tmp_path, Reconstructions())
