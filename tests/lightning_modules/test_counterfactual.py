from pathlib import Path

import pytest
import pytorch_lightning as pl
import torch

from counterfactuals import Ascent, EveryOther, FixedTarget, PixelChart, RunnerUp, explain
from datamodules import Digits
from lightning_modules import CounterfactualModule
from networks import CNN, MLP
from networks.errors import InputError

QUIET = {"logger": False, "enable_progress_bar": False, "enable_model_summary": False, "accelerator": "cpu"}


def module(**changes) -> CounterfactualModule:
    settings = {
        "predictor": MLP([1, 8, 8], 10, hidden=[16]),
        "chart": PixelChart([1, 8, 8]),
        "target": RunnerUp(),
        "method": Ascent(0.02, 200),
        "control": Ascent(0.02, 50),
    }
    return CounterfactualModule(**(settings | changes))


def predict(module: CounterfactualModule, data: Digits, **trainer):
    return pl.Trainer(**QUIET, **({"inference_mode": False} | trainer)).predict(module, datamodule=data)


def test_a_real_predict_loop_gives_what_explain_gives() -> None:
    cfm, data = module(), Digits(batch_size=7, predict_limit=20)
    batches = predict(cfm, data)
    assert torch.cat([b.index for b in batches]).tolist() == list(range(20))
    x = data.split("test").__getitems__(range(20))["x"]
    for name, method in (("", cfm.method), ("control", cfm.control)):
        expected = explain(cfm.predictor, cfm.chart, x, RunnerUp(), method)
        assert torch.allclose(torch.cat([b.results[name].z_prime for b in batches]), expected.z_prime, atol=1e-5)
        assert torch.equal(torch.cat([b.results[name].status for b in batches]), expected.status)
    assert cfm.predictor.training is False or all(p.grad is None for p in cfm.parameters())


def test_distances_in_z_are_those_of_the_chart() -> None:
    (batch,) = predict(module(), Digits(batch_size=20, predict_limit=20))
    own, control = batch.results[""], batch.results["control"]
    assert torch.allclose(batch.columns["l2_z"], (own.z_prime - own.z).norm(dim=1))
    assert torch.allclose(batch.columns["control_l2_z"], (control.counterfactual - own.x).flatten(1).norm(dim=1))


def test_every_other_class_repeats_rows() -> None:
    (batch,) = predict(module(target=EveryOther(), control=None), Digits(batch_size=5, predict_limit=5))
    assert batch.index.tolist() == [i for i in range(5) for _ in range(9)]
    assert list(batch.results) == [""]


def test_inference_mode_is_one_clear_error() -> None:
    with pytest.raises(InputError, match="build the Trainer with inference_mode=False"):
        predict(module(), Digits(predict_limit=3), inference_mode=True)


def test_problems_before_the_search() -> None:
    data = Digits(predict_limit=3)
    with pytest.raises(InputError, match="target class 12 is out of range: the predictor has 10 classes"):
        predict(module(target=FixedTarget(12)), data)
    with pytest.raises(InputError, match=r"(?s)several problems.*predictor was made for .*\(3, 8, 8\).*chart was made"):
        predict(module(predictor=CNN([3, 8, 8], 10), chart=PixelChart([1, 4, 4])), data)


def test_missing_checkpoints() -> None:
    with pytest.raises(InputError, match=r"no checkpoint 'runs/none.ckpt': train that model first"):
        module(predictor="runs/none.ckpt")


def test_checkpoints_by_path(in_digits_home: Path) -> None:
    cfm = module(predictor="runs/digits/classifier/best.ckpt", chart="runs/digits/flow/best.ckpt")
    (batch,) = predict(cfm, Digits(batch_size=4, predict_limit=4))
    assert batch.results[""].reconstruction.sub(batch.results[""].x).abs().max() < 1e-4
    assert set(cfm.checkpoints) == {"predictor", "chart"}
