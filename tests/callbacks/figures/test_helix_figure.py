import pytest
import pytorch_lightning as pl

from callbacks import HelixFigure
from counterfactuals import Ascent, PixelChart, RunnerUp
from datamodules import Helix
from lightning_modules import CounterfactualModule
from networks import MLP, InputError


def test_needs_the_paths() -> None:
    module = CounterfactualModule(
        MLP([3], 2), PixelChart([3]), RunnerUp(), method=Ascent(clip=None, keep_every=1), control=Ascent(clip=None)
    )
    trainer = pl.Trainer(
        logger=False, enable_progress_bar=False, accelerator="cpu", inference_mode=False, callbacks=[HelixFigure()]
    )
    with pytest.raises(InputError, match=r"set model.control.init_args.keep_every to 1"):
        trainer.predict(module, datamodule=Helix(n_train=10, n_val=10, n_test=20))
