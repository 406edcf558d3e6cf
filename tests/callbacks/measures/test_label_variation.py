import pytest
import pytorch_lightning as pl
import torch

from callbacks import LabelVariation
from counterfactuals import Ascent, PixelChart, RunnerUp
from datamodules import Digits
from lightning_modules import AttributesModule, CounterfactualModule
from metrics import label_variation
from networks import MLP, InputError
from tests.support.collect import Collect


def test_a_column_a_bystander() -> None:
    predictor, bystander = MLP([1, 8, 8], 10, hidden=[]), MLP([1, 8, 8], 3, hidden=[])
    torch.nn.init.orthogonal_(predictor.head.weight, gain=4)
    module = CounterfactualModule(predictor, PixelChart([1, 8, 8]), RunnerUp(), method=Ascent(0.05, 100))
    quiet = {"logger": False, "enable_progress_bar": False, "accelerator": "cpu", "inference_mode": False}
    callbacks = [LabelVariation({"glasses": bystander}), collect := Collect()]
    pl.Trainer(**quiet, callbacks=callbacks).predict(module, datamodule=Digits(batch_size=20, predict_limit=20))
    result = collect.results()[""]
    cf = result.counterfactuals
    expected = label_variation(bystander(cf.x), bystander(cf.counterfactual)).detach()
    assert torch.allclose(result.columns["label_variation_glasses"], expected, atol=1e-6) and expected.max() > 0
    assert torch.equal(result.columns["label_variation"], result.columns["label_variation_glasses"])
    flips = bystander(cf.x).argmax(1) != bystander(cf.counterfactual).argmax(1)
    assert torch.equal(result.columns["attributes_changed"], flips.float()) and 0 < flips.sum() < len(flips)


def test_needs_a_bystander() -> None:
    with pytest.raises(InputError, match="at least one bystander"):
        LabelVariation({})


def attribute_judge() -> AttributesModule:
    """Three attributes of digits, the last one measured."""
    torch.manual_seed(1)
    judge = AttributesModule(MLP([1, 8, 8], 3, hidden=[]), ["left", "dark", "slant"])
    judge.units.learn(torch.tensor([[0.0, 1.0, -20.0], [1.0, 0.0, 30.0]]))
    return judge


def test_attributes_shift_with_their_signs() -> None:
    judge = attribute_judge()
    predictor, other = MLP([1, 8, 8], 10, hidden=[]), MLP([1, 8, 8], 2, hidden=[])
    torch.nn.init.orthogonal_(predictor.head.weight, gain=4)
    module = CounterfactualModule(predictor, PixelChart([1, 8, 8]), RunnerUp(), method=Ascent(0.05, 100))
    quiet = {"logger": False, "enable_progress_bar": False, "accelerator": "cpu", "inference_mode": False}
    callbacks = [LabelVariation({"seen": judge, "glasses": other}), collect := Collect()]
    pl.Trainer(**quiet, callbacks=callbacks).predict(module, datamodule=Digits(batch_size=20, predict_limit=20))
    result = collect.results()[""]
    cf, columns = result.counterfactuals, result.columns
    before, after = (judge(x).detach() for x in (cf.x, cf.counterfactual))
    assert torch.allclose(columns["shift_left"], after[:, 0].sigmoid() - before[:, 0].sigmoid(), atol=1e-6)
    slant = (judge.units.centre + judge.units.scale * said for said in (after, before))
    expected = [s[:, 2].clamp(-20, 30) for s in slant]
    assert torch.allclose(columns["shift_slant"], expected[0] - expected[1], atol=1e-4)
    p = [other(x).detach().softmax(1)[:, 1] for x in (cf.x, cf.counterfactual)]
    assert torch.allclose(columns["shift_glasses"], p[1] - p[0], atol=1e-6)
    named = ("left", "dark", "glasses")
    assert "label_variation_slant" not in columns, "a measured attribute has no classes"
    mean = torch.stack([columns[f"label_variation_{name}"] for name in named]).mean(0)
    assert torch.allclose(columns["label_variation"], mean)
    turned = ((before > 0) != (after > 0))[:, :2].sum(1) + (other(cf.x).argmax(1) != other(cf.counterfactual).argmax(1))
    assert torch.equal(columns["attributes_changed"], turned.float()) and turned.max() > 0


def test_an_attribute_that_two_bystanders_see_is_refused() -> None:
    with pytest.raises(InputError, match="'left' is there twice"):
        LabelVariation({"seen": attribute_judge(), "left": MLP([1, 8, 8], 2, hidden=[])})
