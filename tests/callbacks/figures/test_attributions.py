from pathlib import Path

import pandas as pd
import pytest
import pytorch_lightning as pl
import torch
from safetensors.torch import load_file

from attributions import GradCAM, GradientTimesInput
from callbacks import Attributions, Report, ResultWriter
from callbacks.figures.attributions import signed_bytes
from counterfactuals import Ascent, EveryOther, PixelChart, ReachClass, RunnerUp
from datamodules import Digits, Helix
from lightning_modules import CounterfactualModule
from metrics.attribution import area, deletion_insertion, rank_correlation, top_overlap
from networks import MLP, InputError
from results.reader import Results
from tests.support.collect import Collect

QUIET = {"logger": False, "enable_progress_bar": False, "accelerator": "cpu", "inference_mode": False}


class Brightness:
    """A saliency that needs no other image."""

    def maps(self, x: torch.Tensor) -> torch.Tensor:
        return x.mean(1)


def module(target=None) -> CounterfactualModule:
    torch.manual_seed(0)
    predictor = MLP([1, 8, 8], 10, hidden=[])
    torch.nn.init.orthogonal_(predictor.head.weight, gain=4)
    method, control = Ascent(0.05, 60), Ascent(0.1, 60)
    return CounterfactualModule(
        predictor, PixelChart([1, 8, 8]), target or RunnerUp(), ReachClass(0.6), method, control=control
    )


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> tuple[CounterfactualModule, Collect, Path]:
    folder, own, collect = tmp_path_factory.mktemp("attributed"), module(), Collect()
    callbacks = [Attributions(saliency=Brightness(), shown=7), collect, ResultWriter(), Report()]
    trainer = pl.Trainer(**QUIET, callbacks=callbacks, default_root_dir=folder)
    trainer.predict(own, datamodule=Digits(batch_size=20, predict_limit=20))
    return own, collect, folder


def test_columns_are_the_metrics_of_the_maps(ran) -> None:
    own, collect, _ = ran
    for name, result in collect.results().items():
        cf, columns = result.counterfactuals, result.columns
        a = GradientTimesInput().maps(own.predictor, cf.x, cf.source)
        change = (cf.counterfactual - cf.x).abs().sum(1)
        maps = {"attribution": a, "refined": a * cf.x.mean(1)}
        for key, m in maps.items():
            assert torch.allclose(columns[f"{key}_rank"], rank_correlation(m.abs(), change), atol=1e-4, equal_nan=True)
            assert torch.allclose(columns[f"{key}_overlap"], top_overlap(m.abs(), change), atol=1e-4, equal_nan=True)

        def p(images: torch.Tensor, source: torch.Tensor = cf.source) -> torch.Tensor:
            return own.predictor(images).softmax(1).gather(1, source[:, None])[:, 0]

        curves = {"change_": change, **({"": a, "refined_": maps["refined"]} if not name else {})}
        for key, importance in curves.items():
            wanted = deletion_insertion(p, cf.x, importance)
            assert torch.allclose(columns[f"{key}deletion"], area(wanted.deletion), atol=1e-4)
            assert torch.allclose(columns[f"{key}insertion"], area(wanted.insertion), atol=1e-4)
        assert ("deletion" in columns) == (not name), "of A they are the image's, and stand once"


def test_maps_of_the_first_rows_are_kept_for_the_report(ran) -> None:
    own, _, folder = ran
    results, maps = Results(folder), load_file(folder / "attributions.safetensors")
    x = results.tensor("x")[:7]
    source = torch.from_numpy(results.table.source.to_numpy()[:7].copy())
    wanted = GradientTimesInput().maps(own.predictor, x, source)
    assert torch.equal(maps["attribution"], signed_bytes(wanted)) and maps["refined"].shape == (7, 8, 8)
    page = (folder / "report.html").read_text()
    assert '"attribution":{' in page and '"refined":{' in page and "where the model looks" in page
    summary = results.summary
    table = pd.read_parquet(folder / "counterfactuals.parquet")
    assert summary["deletion"] == pytest.approx(table.deletion[table.status == "flipped"].mean())
    assert summary["control"]["change_insertion"] > 0 and "deletion" not in summary["control"]


def test_signed_bytes() -> None:
    maps = torch.tensor([[[-2.0, 0.0], [1.0, 2.0]], [[0.0, 0.0], [0.0, 0.0]]])
    assert signed_bytes(maps).tolist() == [[[1, 128], [192, 255]], [[128, 128], [128, 128]]]


def test_an_image_is_attributed_once_however_many_searches_begin_at_it(tmp_path: Path) -> None:
    class Counting(GradientTimesInput):
        images = 0

        def maps(self, predictor, x, target):
            self.images += len(x)
            return super().maps(predictor, x, target)

    counting = Counting()
    callbacks = [Attributions(counting, shown=20), ResultWriter()]
    trainer = pl.Trainer(**QUIET, callbacks=callbacks, default_root_dir=tmp_path)
    trainer.predict(module(EveryOther()), datamodule=Digits(batch_size=4, predict_limit=8))
    assert counting.images == 2 + 8 + 3, "two before the first search, three for the report"
    maps, index = load_file(tmp_path / "attributions.safetensors")["attribution"], Results(tmp_path).table["index"][:20]
    assert len(maps) == 20 and all(torch.equal(maps[i], maps[index.eq(index[i]).argmax()]) for i in range(20))
    assert not torch.equal(maps[0], maps[9])


def test_what_it_is_not_for_is_said_before_the_search() -> None:
    predict = pl.Trainer(**QUIET, callbacks=[Attributions(GradCAM())]).predict
    with pytest.raises(InputError, match="needs a convolution"):
        predict(module(), datamodule=Digits(batch_size=4, predict_limit=8))
    points = CounterfactualModule(MLP([3], 2, [4]), PixelChart([3]), RunnerUp())
    with pytest.raises(InputError, match="makes maps of images; the samples here are of"):
        pl.Trainer(**QUIET, callbacks=[Attributions()]).predict(points, datamodule=Helix(predict_limit=4))
    with pytest.raises(InputError, match="steps must be positive"):
        Attributions(steps=0)
    with pytest.raises(InputError, match="saliency must be a Saliency"):
        Attributions(saliency=3)
