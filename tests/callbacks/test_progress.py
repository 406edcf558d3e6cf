from types import SimpleNamespace

import pytest
import pytorch_lightning as pl
from pytorch_lightning.utilities.exceptions import SIGTERMException

from callbacks import SearchProgress
from callbacks.progress import tracking
from counterfactuals import Across, Ascent, EveryOther, FewAndMany, PixelChart
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


def test_where_the_models_values_decide_nobody_knows_how_many() -> None:
    target = FewAndMany(few=-2.0, many=-1.0, high=1.0, low=-3.0)  # a blank image is neither
    module = CounterfactualModule(MLP([1, 8, 8], 1), PixelChart([1, 8, 8]), target, Across(-1.5), Ascent(max_steps=2))
    bar = SearchProgress()
    bar._per_sample = lambda module: 0  # type: ignore[method-assign]
    trainer = SimpleNamespace(predict_dataloaders=SimpleNamespace(sampler=range(5)))
    bar.on_predict_start(trainer, module)  # type: ignore[arg-type]
    assert bar.bar is not None and bar.bar.total is None
    bar.bar.close()


def test_sigterm_is_heeded_between_two_parts() -> None:
    trainer = SimpleNamespace(received_sigterm=False, progress_bar_callback=None, is_global_zero=True)
    parts = iter(tracking(trainer, "measuring")([1, 2, 3]))  # type: ignore[arg-type]
    assert [next(parts), next(parts)] == [1, 2]
    trainer.received_sigterm = True
    with pytest.raises(SIGTERMException):
        next(parts)


def test_other_ranks_show_nothing(capsys: pytest.CaptureFixture) -> None:
    bar = SearchProgress()
    bar.disable()
    assert not bar.shown
