from pathlib import Path

import pytest
import pytorch_lightning as pl
import torch

from callbacks import Spectrum
from counterfactuals import Ascent, FlowChart, PixelChart, RunnerUp
from datamodules import Digits
from lightning_modules import CounterfactualModule
from metrics import spectrum
from networks import MLP, VectorRealNVP


def measured(chart, **options) -> dict:
    module = CounterfactualModule(MLP([1, 8, 8], 10), chart, RunnerUp(), method=Ascent(max_steps=1))
    trainer = pl.Trainer(
        logger=False,
        default_root_dir=options.pop("folder", None),
        enable_progress_bar=False,
        accelerator="cpu",
        inference_mode=False,
        callbacks=[Spectrum(num_samples=5, chunk_size=128, **options)],
    )
    trainer.predict(module, datamodule=Digits(batch_size=9, predict_limit=9))
    return module.summary["spectrum"]


def test_pixels_are_isotropic() -> None:
    result = measured(PixelChart([1, 8, 8]))
    assert result["sigma"] == pytest.approx([1.0] * 64) and result["effective_dimension"] == pytest.approx(64)


def test_mean_over_random_points() -> None:
    chart = FlowChart(VectorRealNVP([1, 8, 8], 2, [8], levels=17).eval())
    x = Digits().split("test").x[torch.randperm(9, generator=torch.Generator().manual_seed(0))[:5]]
    with torch.no_grad():
        sigma = spectrum(chart.decode, chart.encode(x)).sigma.mean(0)
    assert measured(chart)["sigma"] == pytest.approx(sigma.tolist(), rel=1e-4)


def test_both_ends_where_the_dimension_is_large() -> None:
    torch.manual_seed(1)
    flow = VectorRealNVP([1, 8, 8], 2, [8], levels=17)
    with torch.no_grad():
        for p in flow.parameters():
            p.add_(0.2 * torch.randn_like(p))
    chart = FlowChart(flow.eval())
    exact, fast = measured(chart), measured(chart, max_exact=10, leading=6)
    assert fast["index"] == [1, 2, 3, 4, 5, 6, 59, 60, 61, 62, 63, 64]
    expected = [exact["sigma"][i - 1] for i in fast["index"]]
    assert fast["sigma"] == pytest.approx(expected, rel=0.02)
    assert fast["effective_dimension"] == pytest.approx(exact["effective_dimension"], rel=0.5)


def test_tangent_vectors_are_shown_and_saved(tmp_path: Path) -> None:
    measured(PixelChart([1, 8, 8]), num_tangents=3, folder=tmp_path)
    saved = torch.load(tmp_path / "tangents" / "explained.pt", weights_only=True)
    assert saved["x"].shape == (5, 1, 8, 8) and saved["tangents"].shape == (5, 3, 1, 8, 8)
    assert torch.allclose(saved["tangents"].flatten(2).norm(dim=2), torch.ones(5, 3))
    assert (tmp_path / "tangents" / "explained.png").stat().st_size > 100
