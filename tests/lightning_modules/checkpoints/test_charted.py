from pathlib import Path

import pytest
import torch

from counterfactuals import AutoencoderChart, FlowChart
from lightning_modules import ClassifierModule, VAEModule, chart_of
from lightning_modules.checkpoints.charted import load_chart
from networks import CNN, GatedVAE, InputError
from tests.support.runs import fit
from tests.support.trees import write_mnist


def test_every_task_with_a_chart_is_one(in_digits_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert isinstance(load_chart("runs/digits/flow/best.ckpt"), FlowChart)
    monkeypatch.chdir(tmp_path)
    write_mnist(tmp_path / "data")
    for job in ("vae", "autoencoder"):
        fit(f"mnist/{job}.yaml", "--data.n_val=20")
        chart = load_chart(f"runs/mnist/{job}/best.ckpt")
        assert isinstance(chart, AutoencoderChart)
        assert chart.decode(chart.encode(torch.rand(2, 1, 28, 28))).shape == (2, 1, 28, 28)


def test_others_are_named(in_digits_home: Path) -> None:
    with pytest.raises(InputError, match=r"ClassifierModule, but one of .*FlowModule.*VAEModule is needed here"):
        load_chart("runs/digits/classifier/best.ckpt")
    with pytest.raises(InputError, match="ClassifierModule makes no chart"):
        chart_of(ClassifierModule(CNN([1, 8, 8], 10)))
    assert chart_of(VAEModule(GatedVAE([1, 8, 8], [8], 3))).dim == 3
