import pytest
import pytorch_lightning as pl

from callbacks import SearchProgress
from counterfactuals import Ascent, EveryOther, PixelChart
from datamodules import Digits
from lightning_modules import CounterfactualModule
from networks import MLP


def test_one_bar_for_all_searches(capsys: pytest.CaptureFixture) -> None:
    module = CounterfactualModule(
        MLP([1, 8, 8], 10), PixelChart([1, 8, 8]), EveryOther(), method=Ascent(max_steps=3), control=Ascent(max_steps=2)
    )
    bar = SearchProgress()
    trainer = pl.Trainer(logger=False, accelerator="cpu", inference_mode=False, callbacks=[bar])
    trainer.predict(module, datamodule=Digits(predict_limit=5, batch_size=2))
    assert bar.bar.done == bar.bar.total == 5 * 9 * 2
    shown = capsys.readouterr().err
    assert "searches: 90 of 90 (100%)" in shown and "% flipped" in shown and "steps" in shown


def test_other_ranks_show_nothing(capsys: pytest.CaptureFixture) -> None:
    bar = SearchProgress()
    bar.disable()
    assert not bar.shown
