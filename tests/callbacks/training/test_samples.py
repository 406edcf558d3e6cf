from pathlib import Path

import numpy as np
import pytorch_lightning as pl
from PIL import Image

from callbacks import Samples
from datamodules import Digits
from lightning_modules import FlowModule
from networks import VectorRealNVP


def test_a_grid_every_so_often(tmp_path: Path) -> None:
    trainer = pl.Trainer(
        max_epochs=4,
        limit_train_batches=1,
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        accelerator="cpu",
        default_root_dir=tmp_path,
        callbacks=[Samples(num_samples=9, every_n_epochs=2)],
    )
    trainer.fit(FlowModule(VectorRealNVP([1, 8, 8], 2, [8], levels=17)), datamodule=Digits())
    files = sorted((tmp_path / "samples").iterdir())
    assert [f.name for f in files] == ["epoch-001.png", "epoch-003.png"]
    image = np.array(Image.open(files[1]))
    assert image.shape == (28, 28, 3) and image.std() > 20
