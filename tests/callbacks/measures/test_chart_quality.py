import pytest
import pytorch_lightning as pl
from torch import Tensor, nn

from callbacks import ChartQuality, OracleAccuracy
from callbacks.measures.chart_quality import distances
from counterfactuals import Ascent, Chart, PixelChart, RunnerUp
from datamodules import Digits
from lightning_modules import CounterfactualModule
from networks import MLP, Features, LinearSVM
from results.table import rows_of
from tests.support.collect import Collect

QUIET = {"logger": False, "enable_progress_bar": False, "enable_model_summary": False, "accelerator": "cpu"}


class Lossy(PixelChart):
    """Forgets half a grey value everywhere."""

    def decode(self, z: Tensor) -> Tensor:
        return super().decode(z) + 0.25


class Replay(Chart):
    """A chart whose samples are real images."""

    exact, shape, dim = False, (1, 8, 8), 64

    def __init__(self, images: Tensor) -> None:
        super().__init__()
        self.images = images

    def encode(self, x: Tensor) -> Tensor:
        return x.flatten(1)

    def decode(self, z: Tensor) -> Tensor:
        return self.images[: len(z)]


def test_noise_is_farther_from_the_data_than_real_images() -> None:
    train = Digits().split("train").x
    extractor, real = Features(MLP([1, 8, 8], 10, hidden=[12])), train[:100]
    same = distances(Replay(train[200:300]), extractor, real, train[100:200])
    noise = distances(PixelChart([1, 8, 8]), extractor, real, train[100:200])
    assert same["fid_share"] < 0.2 and noise["fid_share"] > 1 and same["fid_real"] == noise["fid_real"]
    spread = extractor(real).var(0).sum().item()
    assert noise["fid_share"] == pytest.approx(noise["fid_samples"] / spread)


def run(chart: nn.Module, quality: ChartQuality, capsys) -> tuple[dict, str]:
    module = CounterfactualModule(MLP([1, 8, 8], 10, hidden=[16]), chart, RunnerUp(), method=Ascent(0.02, 20))
    callbacks = [quality, OracleAccuracy({"svm": LinearSVM()}), collect := Collect()]
    data = Digits(batch_size=40, predict_limit=40)
    pl.Trainer(**QUIET, inference_mode=False, callbacks=callbacks).predict(module, datamodule=data)
    module.finished_table(rows_of(collect.results()[""]))  # as the result writer does at the end
    return module.summary["quality"], capsys.readouterr().out


def test_says_what_is_wrong(capsys) -> None:
    quality, said = run(Lossy([1, 8, 8]), ChartQuality(min_oracle=1.0), capsys)
    assert len(quality["problems"]) == 3 and quality["reconstruction_error"] == pytest.approx(0.25)
    assert quality["fid_reconstructions"] > 0
    assert "off by 0.250 of the grey range" in said and "of the spread of these (25% is allowed)" in said
    assert "the oracle 'svm' is right on" in said and said.count("Do not trust these pictures yet") == 3


def test_says_nothing_where_nothing_is_wrong(capsys) -> None:
    quality, said = run(PixelChart([1, 8, 8]), ChartQuality(max_fid_share=1e9), capsys)
    assert quality["problems"] == [] and "Do not trust" not in said
