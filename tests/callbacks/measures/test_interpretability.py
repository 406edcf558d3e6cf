import math
from pathlib import Path

import pytest
import pytorch_lightning as pl
import torch

from callbacks import Interpretability
from counterfactuals import Ascent, PixelChart, RunnerUp
from datamodules import Digits
from lightning_modules import ClassAutoencodersModule, CounterfactualModule
from metrics import im1, im2
from networks import MLP, ClassAutoencoders, ConvAutoencoder, InputError
from tests.support.collect import Collect


def autoencoders(num_classes: int = 10, size: int = 8) -> ClassAutoencoders:
    return ClassAutoencoders(lambda: ConvAutoencoder([1, size, size], [4, 8], 3), num_classes)


def explainer() -> CounterfactualModule:
    net = MLP([1, 8, 8], 10, hidden=[])
    torch.nn.init.orthogonal_(net.head.weight, gain=4)
    return CounterfactualModule(
        net,
        PixelChart([1, 8, 8]),
        RunnerUp(),
        method=Ascent(0.015, 15),
        control=Ascent(0.01, 5),
        others={"longer": Ascent(0.01, 30)},
    )


def predict(module: CounterfactualModule, *callbacks: pl.Callback, data: Digits | None = None) -> None:
    trainer = pl.Trainer(
        logger=False,
        enable_progress_bar=False,
        accelerator="cpu",
        inference_mode=False,
        callbacks=list(callbacks),
    )
    trainer.predict(module, datamodule=data or Digits(batch_size=30, predict_limit=30), return_predictions=False)


@torch.no_grad()
def test_columns_are_what_each_row_gives_by_itself() -> None:
    judges, module, collect = autoencoders(), explainer(), Collect()
    predict(module, Interpretability(judges, batch_size=7), collect)
    assert collect.results().keys() == {"", "control", "longer"}
    for explanation in collect.results().values():
        cf = explanation.counterfactuals
        rows = zip(cf.counterfactual.split(1), cf.source.tolist(), cf.target.tolist(), strict=True)
        each = [(x, judges.by_class[t](x), judges.by_class[s](x), judges.overall(x)) for x, s, t in rows]
        expected = torch.cat([im1(x, to_target, to_source) for x, to_target, to_source, _ in each])
        assert torch.allclose(explanation.columns["im1"], expected, rtol=1e-3)
        expected = torch.cat([im2(x, to_target, to_all) for x, to_target, _, to_all in each])
        assert torch.allclose(explanation.columns["im2"], expected, rtol=1e-3)

    cf = collect.results()[""].counterfactuals
    assert 0 < cf.flipped.sum() < 30
    rows = zip(cf.x.split(1), cf.source.tolist(), cf.target.tolist(), strict=True)
    originals = torch.cat([im1(x, judges.by_class[t](x), judges.by_class[s](x)) for x, s, t in rows])
    assert module.summary["im1_originals"] == pytest.approx(float(originals[cf.flipped].mean()), rel=1e-4)


def test_nothing_flipped_leaves_nothing_to_compare_with(recwarn: pytest.WarningsRecorder) -> None:
    module, collect = explainer(), Collect()
    module.searches = {"": (module.chart, Ascent(1e-6, 1))}
    predict(module, Interpretability(autoencoders()), collect)
    assert collect.results()[""].columns["im1"].isfinite().all()
    assert math.isnan(module.summary["im1_originals"])
    assert not [w for w in recwarn if "compute" in str(w.message)]


def test_the_autoencoders_are_not_trained_further() -> None:
    callback = Interpretability(autoencoders())
    assert not callback.autoencoders.training
    assert not any(p.requires_grad for p in callback.autoencoders.parameters())


@pytest.mark.parametrize(
    ("judges", "message"),
    [
        (autoencoders(size=4), r"made for samples of shape \(1, 4, 4\), but Digits gives \(1, 8, 8\)"),
        (autoencoders(num_classes=3), "autoencoders for 3 classes, but Digits has 10"),
    ],
)
def test_what_does_not_fit_the_data_is_named_before_the_search(judges: ClassAutoencoders, message: str) -> None:
    with pytest.raises(InputError, match=f"Interpretability: .*{message}"):
        predict(explainer(), Interpretability(judges))


def test_values_have_no_classes() -> None:
    data = Digits(predict_limit=3)
    data.task = "regression"
    with pytest.raises(InputError, match=r"Interpretability: .*need class labels; Digits is for regression"):
        predict(explainer(), Interpretability(autoencoders()), data=data)


def test_autoencoders_of_other_classes_of_the_same_shape_are_refused() -> None:
    callback = Interpretability(autoencoders())
    callback.module.class_names = ["shirt", *map(str, range(9))]
    with pytest.raises(InputError, match="were trained on the classes shirt, 0"):
        predict(explainer(), callback)


def test_another_kind_of_checkpoint(in_digits_home: Path) -> None:
    with pytest.raises(InputError, match="ClassifierModule, but a ClassAutoencodersModule is needed here"):
        Interpretability("runs/digits/classifier/best.ckpt")
    with pytest.raises(InputError, match="no checkpoint"):
        Interpretability("nowhere.ckpt")


def test_modules_in_python_are_wrapped_as_they_are() -> None:
    judges = autoencoders()
    assert Interpretability(judges).autoencoders is judges
    assert isinstance(Interpretability(judges).module, ClassAutoencodersModule)
