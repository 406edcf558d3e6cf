import json
import warnings
from pathlib import Path

import pytest
import pytorch_lightning as pl
import torch

from callbacks import ResultWriter
from callbacks.result_writer import searches_of
from counterfactuals import (
    Across,
    Ascent,
    AtLeast,
    AttributeChart,
    Diverse,
    EveryOther,
    FeatureL2,
    FewAndMany,
    FixedTarget,
    LatentSearch,
    MinimalChange,
    PixelChart,
    ReachMargin,
    RunnerUp,
    Shift,
    Value,
    Values,
    explain,
)
from counterfactuals.goals.objectives import logit_margin
from datamodules import Digits
from lightning_modules import CounterfactualModule, Explanation
from networks import CNN, MLP, AttributeDiscriminator, AttributeGenerator
from networks.errors import InputError
from networks.gans import Seen
from tests.support.collect import Collect
from tests.support.patches import Patches

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


def predict(module: CounterfactualModule, data: Digits, **trainer) -> dict[str, Explanation]:
    collect = Collect()
    pl.Trainer(**QUIET, **({"inference_mode": False} | trainer), callbacks=[collect]).predict(module, datamodule=data)
    return collect.results()


def test_a_real_predict_loop_gives_what_explain_gives() -> None:
    settings = {"others": {"slow": Ascent(0.01, 300), "slower": Ascent(5e-3, 300)}, "matched": ["slower"]}
    cfm, data = module(slots=3, paper_control=Ascent(0.02, 50), **settings), Digits(batch_size=7, predict_limit=20)
    results = predict(cfm, data)
    assert sorted(results) == ["", "control", "paper_control", "slow", "slower"]
    x = data.split("test").__getitems__(range(20))["x"]
    own = results[""].counterfactuals
    for name, result in results.items():
        assert result.index.tolist() == list(range(20)) and (result.seconds > 0).all()
        matched = own if name in ("control", "slower") else None
        method = cfm.searches[name][1]
        expected = explain(cfm.predictor, cfm.chart, x, RunnerUp(), method, levels=17, matched=matched)
        assert torch.equal(result.counterfactuals.status, expected.status), name
        assert torch.allclose(result.counterfactuals.z_prime, expected.z_prime, atol=1e-4)
        as_image = result.counterfactuals.counterfactual * 16
        assert torch.equal(as_image, as_image.round()), "what a file can hold"
        margin = logit_margin(cfm.predictor(expected.counterfactual), expected.target)
        assert torch.allclose(result.columns["logit_margin"], margin, atol=1e-4)
        assert ("matched" in result.columns) == (matched is not None)
        if matched is not None:
            assert torch.equal(result.columns["matched"], expected.first_hit >= 0)
    assert all(p.grad is None for p in cfm.parameters())


def test_only_others_can_be_matched() -> None:
    with pytest.raises(InputError, match="matched: quick is none of the others, which are slow"):
        module(others={"slow": Ascent()}, matched=["quick"])


def test_distances_in_z_are_those_of_the_chart() -> None:
    """Of the x′ that is shown, rounded as it is, for the chart's own searches as for the control's."""
    results = predict(module(), Digits(batch_size=20, predict_limit=20))
    for result in results.values():
        cf = result.counterfactuals
        expected = (cf.counterfactual - cf.x).flatten(1).norm(dim=1)
        assert torch.allclose(result.columns["l2_z"], expected, atol=1e-6)
        assert (expected - (cf.z_prime - cf.z).norm(dim=1)).abs().max() > 1e-3, "where the search ended is elsewhere"


def test_a_margin_has_its_probability_beside_it(tmp_path: Path) -> None:
    """Among ten classes the largest logit need not have half of the probability."""
    cfm, collect = module(objective=ReachMargin(0.3)), Collect()
    data = Digits(batch_size=20, predict_limit=20)
    callbacks = [collect, ResultWriter()]
    trainer = pl.Trainer(**QUIET, inference_mode=False, default_root_dir=tmp_path, callbacks=callbacks)
    trainer.predict(cfm, datamodule=data, return_predictions=False)
    cf, summary = collect.results()[""].counterfactuals, json.loads((tmp_path / "summary.json").read_text())
    p = cfm.predictor(cf.counterfactual).softmax(1).gather(1, cf.target[:, None])[:, 0]
    assert torch.allclose(collect.results()[""].columns["probability"], p, atol=1e-6)
    assert summary["confidence_is"] == "logit margin"
    assert summary["flip_rate_half"] == pytest.approx(float((p > 0.5)[cf.searched].float().mean()))
    assert summary["flip_rate"] > 0.9 and summary["flip_rate_half"] < 0.5
    assert "probability" not in predict(module(), data)[""].columns, "there the confidence is one"


class Counting(PixelChart):
    decoded = 0

    def decode(self, z: torch.Tensor) -> torch.Tensor:
        self.decoded += len(z)
        return super().decode(z)


def test_decodes_are_shared_by_the_searches_that_they_ended() -> None:
    chart, method = Counting([1, 8, 8]), LatentSearch(samples=4, step_size=0.5, max_steps=30)
    results = predict(module(chart=chart, method=method, control=None, slots=3), Digits(batch_size=7, predict_limit=20))
    assert results[""].columns["decodes"].sum().item() == pytest.approx(chart.decoded)
    # Four samples a step, and one decode of the reconstruction.
    assert results[""].counterfactuals.steps.sum() * 4 + 20 == chart.decoded


def test_every_other_class_repeats_rows() -> None:
    results = predict(module(target=EveryOther(), control=None), Digits(batch_size=5, predict_limit=5))
    assert list(results) == [""]
    assert results[""].index.tolist() == [i for i in range(5) for _ in range(9)]


def test_a_set_of_counterfactuals_is_numbered() -> None:
    method = Diverse(Ascent(0.02, 20), 2)
    results = predict(module(target=EveryOther(), method=method, control=method), Digits(predict_limit=2))
    for name in ("", "control"):
        assert results[name].index.tolist() == [0] * 18 + [1] * 18
        assert results[name].number.tolist() == 2 * list(range(18))
    with pytest.raises(InputError, match=r"as many counterfactuals a search; they give \{'method': 2"):
        module(method=method)


class Brightness(torch.nn.Module):
    """Mean grey value, in percent."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return 100 * x.flatten(1).mean(1)


def test_a_predictor_of_values() -> None:
    values = {"predictor": Brightness(), "target": Shift(5.0), "objective": AtLeast()}
    data = Digits(batch_size=6, predict_limit=12)
    with pytest.raises(InputError, match="objective AtLeast is for values, and Digits has classes"):
        predict(module(**values), data)
    data.task = "regression"
    results = predict(module(**values), data)
    for result in results.values():
        cf = result.counterfactuals
        assert cf.flipped.all() and (cf.prediction >= cf.source + 5 - 1e-4).all()
    with pytest.raises(InputError, match="RunnerUp is for classes"):
        predict(module(predictor=Brightness(), objective=AtLeast()), data)


@pytest.mark.parametrize("target", [Value(-3.0), FewAndMany(few=3, many=5, high=1e6, low=0.0), Values([2, 99])])
def test_values_that_no_image_has_are_refused(target) -> None:
    data = Digits(predict_limit=2)
    data.value_range = (0.0, 12.0)
    with pytest.raises(InputError, match=r"target value (-3|1e\+06|99) is outside of what Digits has, 0 to 12"):
        predict(module(predictor=Brightness(), target=target, objective=Across(4)), data)


def test_what_an_earlier_run_has_ended_is_left_out() -> None:
    class Skip(pl.Callback):
        def on_predict_start(self, trainer: pl.Trainer, pl_module: CounterfactualModule) -> None:  # type: ignore[override]
            pl_module.finished = {
                "": {(0, 0)},
                "control": {(i, 0) for i in range(5)},
            }

    collect = Collect()
    trainer = pl.Trainer(**QUIET, inference_mode=False, callbacks=[Skip(), collect])
    trainer.predict(module(), datamodule=Digits(batch_size=2, predict_limit=5))
    assert list(collect.parts) == [""]
    assert collect.results()[""].index.tolist() == [1, 2, 3, 4]


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
    cf = predict(cfm, Digits(batch_size=4, predict_limit=4))[""].counterfactuals
    assert cf.reconstruction.sub(cf.x).abs().max() < 1e-4
    assert set(cfm.checkpoints) == {"predictor", "chart"}


def test_networks_that_methods_hold_are_moved_and_known() -> None:
    one, two = CNN([1, 8, 8], 10, widths=[4]), CNN([1, 8, 8], 10, widths=[4])
    others = {"diverse_less": MinimalChange(FeatureL2(two))}
    cfm = module(method=Ascent(distance=FeatureL2(one)), others=others)
    assert set(cfm.held) == {one, two}
    cfm.to(torch.float64)
    assert next(one.parameters()).dtype == next(two.parameters()).dtype == torch.float64
    data = Digits(predict_limit=3)
    before = searches_of(cfm, data, {})
    torch.nn.init.zeros_(one.body[0].weight) if hasattr(one, "body") else next(one.parameters()).zero_()
    assert searches_of(cfm, data, {}) != before, "another distance is another run"


@pytest.mark.parametrize("precision", ["bf16-true", "16-true", "64-true"])
def test_a_search_is_made_in_float32(precision: str) -> None:
    with pytest.raises(InputError, match=f"a search is made in float32, and --trainer.precision {precision} would"):
        predict(module(), Digits(predict_limit=3), precision=precision)


def test_mixed_precision_changes_nothing() -> None:
    """Neither what is searched for, nor the search, nor what the listeners measure in the predict step."""
    cfm, data = module(predictor=CNN([1, 8, 8], 10, widths=[4, 8])), Digits(batch_size=7, predict_limit=20)
    plain, mixed = predict(cfm, data), predict(cfm, data, precision="bf16-mixed")
    for name, result in plain.items():
        assert torch.equal(result.counterfactuals.target, mixed[name].counterfactuals.target)
        assert torch.allclose(result.counterfactuals.z_prime, mixed[name].counterfactuals.z_prime, atol=1e-4)


def test_what_slurm_saves_of_it_holds_no_weights(tmp_path: Path) -> None:
    """Requeued, a job would otherwise go on with the weights of then, whatever its checkpoints are by now."""
    cfm, data = module(), Digits(predict_limit=3)
    trainer = pl.Trainer(**QUIET, inference_mode=False)
    trainer.predict(cfm, datamodule=data)
    trainer.save_checkpoint(tmp_path / "hpc.ckpt")
    other = module()
    weights = {name: w.clone() for name, w in other.state_dict().items()}
    pl.Trainer(**QUIET, inference_mode=False).predict(other, datamodule=data, ckpt_path=tmp_path / "hpc.ckpt")
    assert all(torch.equal(w, weights[name]) for name, w in other.state_dict().items())


def test_other_classes_than_the_datas_are_seen_before_the_search() -> None:
    with pytest.raises(InputError, match=r"the predictor has 6 classes, but Digits has 10 \(0, 1, 2"):
        predict(module(predictor=CNN([1, 8, 8], 6, widths=[4]), target=RunnerUp()), Digits(predict_limit=3))


def attributes(**changes) -> CounterfactualModule:
    """Of the data's two, the first of which is its class as well."""
    generator = AttributeGenerator([1, 8, 8], ["left", "light"], [4, 6])
    generator.units.learn(Patches().split("train").attributes)
    chart = AttributeChart(generator, Seen(AttributeDiscriminator([1, 8, 8], ["left", "light"], [4, 6], features=8)))
    settings = {"predictor": MLP([1, 8, 8], 2, hidden=[8]), "chart": chart, "method": Ascent(0.5, 5), "control": None}
    return module(**(settings | changes))


@pytest.mark.parametrize("residual", [False, True])
def test_locked_attributes_stay(residual: bool) -> None:
    data = Patches(predict_limit=8)
    cf = predict(attributes(locked=["left"], residual=residual), data)[""].counterfactuals
    moved = (cf.z_prime != cf.z)[cf.searched]
    assert moved[:, 1].any() and not moved[:, 0].any() and not moved[:, 2:].any()


def test_a_class_that_a_search_may_turn_is_said() -> None:
    data = Patches(predict_limit=2)
    with pytest.warns(UserWarning, match=r"left is a class and a coordinate .* --model.locked '\[left\]'"):
        predict(attributes(), data)
    with pytest.warns(UserWarning, match="left is a class and a coordinate"):
        predict(attributes(residual=True, locked=["light"]), data)
    for silent in (attributes(locked=["left"]), attributes(residual=True, locked=["left"])):
        with warnings.catch_warnings():
            warnings.filterwarnings("error", message=".*is a class and a coordinate")
            predict(silent, data)


def test_locks_that_cannot_be() -> None:
    for residual in (False, True):
        with pytest.raises(InputError, match=r"^chart: locked names 'lift'; the chart's names are left, light$"):
            attributes(locked=["left", "lift"], residual=residual)
        with pytest.raises(InputError, match=r"^chart: locked names left, light, which leaves nothing"):
            attributes(locked=["left", "light"], residual=residual)
    with pytest.raises(InputError, match=r"^chart: locked names 'left'; the chart has no names"):
        module(locked=["left"])
