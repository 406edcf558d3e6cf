import pytorch_lightning as pl
import torch

from callbacks import ManifoldDistance
from counterfactuals import Ascent, PixelChart, RunnerUp
from datamodules import Helix, distance_to_helix
from lightning_modules import CounterfactualModule
from networks import MLP


def test_adds_a_column_for_each_result() -> None:
    module = CounterfactualModule(
        MLP([3], 2), PixelChart([3]), RunnerUp(), method=Ascent(0.1, 20, clip=None), control=Ascent(0.1, 20, clip=None)
    )
    trainer = pl.Trainer(
        logger=False,
        enable_progress_bar=False,
        accelerator="cpu",
        inference_mode=False,
        callbacks=[ManifoldDistance(distance_to_helix)],
    )
    (batch,) = trainer.predict(module, datamodule=Helix(n_train=10, n_val=10, n_test=20))
    assert torch.equal(batch.columns["distance"], distance_to_helix(batch.results[""].counterfactual))
    assert "control_distance" in batch.columns
