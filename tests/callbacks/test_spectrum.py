import pytest
import pytorch_lightning as pl
import torch

from callbacks import Spectrum
from counterfactuals import Ascent, FlowChart, PixelChart, RunnerUp
from datamodules import Digits
from lightning_modules import CounterfactualModule
from metrics import spectrum
from networks import MLP, VectorRealNVP


def measured(chart) -> dict:
    module = CounterfactualModule(MLP([1, 8, 8], 10), chart, RunnerUp(), method=Ascent(max_steps=1))
    trainer = pl.Trainer(
        logger=False,
        enable_progress_bar=False,
        accelerator="cpu",
        inference_mode=False,
        callbacks=[Spectrum(num_samples=5, chunk_size=128)],
    )
    trainer.predict(module, datamodule=Digits(batch_size=9, predict_limit=9))
    return module.summary["spectrum"]


def test_pixels_are_isotropic() -> None:
    result = measured(PixelChart([1, 8, 8]))
    assert result["sigma"] == pytest.approx([1.0] * 64) and result["effective_dimension"] == pytest.approx(64)


def test_mean_over_the_first_points() -> None:
    chart = FlowChart(VectorRealNVP([1, 8, 8], 2, [8], levels=17).eval())
    x = Digits().split("test").x[:5]
    with torch.no_grad():
        sigma = spectrum(chart.decode, chart.encode(x)).sigma.mean(0)
    assert measured(chart)["sigma"] == pytest.approx(sigma.tolist(), rel=1e-4)
