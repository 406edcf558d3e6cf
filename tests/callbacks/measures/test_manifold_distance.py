import pytorch_lightning as pl
import torch

from callbacks import ManifoldDistance
from counterfactuals import Ascent, PixelChart, RunnerUp
from datamodules import Helix, distance_to_helix
from lightning_modules import CounterfactualModule
from networks import MLP
from tests.support.collect import Collect


def test_adds_a_column_for_each_result() -> None:
    module = CounterfactualModule(
        MLP([3], 2), PixelChart([3]), RunnerUp(), method=Ascent(0.1, 20, clip=None), control=Ascent(0.1, 20, clip=None)
    )
    collect = Collect()
    trainer = pl.Trainer(
        logger=False,
        enable_progress_bar=False,
        accelerator="cpu",
        inference_mode=False,
        callbacks=[ManifoldDistance(distance_to_helix), collect],
    )
    trainer.predict(module, datamodule=Helix(n_train=10, n_val=10, n_test=20))
    for result in collect.results().values():
        assert torch.equal(result.columns["distance"], distance_to_helix(result.counterfactuals.counterfactual))
    assert len(collect.parts) == 2
