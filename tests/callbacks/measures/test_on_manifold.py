from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import torch
from torch import Tensor

from callbacks import OnManifold
from callbacks.measures.on_manifold import oriented
from counterfactuals import FlowChart, PixelChart
from datamodules import Digits
from datamodules.folders.remarks import JUDGED_BY
from metrics import Axes
from networks import InputError, VectorRealNVP

FIRST = torch.arange(250)
QUIET = {"logger": False, "enable_progress_bar": False, "accelerator": "cpu", "inference_mode": False}


def test_columns_against_direct_computation(ran) -> None:
    module, collect, data, on_manifold = ran
    val = data.split("val").x
    real, norms = module.chart.flow.log_prob(val).detach(), module.chart.encode(val).detach().norm(dim=1)
    for result in collect.results().values():
        rounded = (result.counterfactuals.counterfactual * 16).round() / 16
        z, log_q = module.chart.encode_with_log_prob(rounded)
        share = (real[:, None] < log_q.detach()).float().mean(0)
        assert torch.allclose(result.columns["log_q"].float(), share, atol=0.03)  # of two thirds of them
        nearer = (norms[:, None] < z.norm(dim=1)).float().mean(0)
        assert torch.allclose(result.columns["z_norm"].float(), nearer, atol=0.05)
        error = (module.chart.decode(z) - rounded).flatten(1).square().mean(1).sqrt()
        assert torch.allclose(result.columns["chart_error"], error.detach(), atol=1e-6)
        nonconformity = result.columns["nonconformity"].numpy()
        assert np.array_equal(result.columns["p_manifold"], on_manifold.calibration.p_value(nonconformity))


def test_real_samples_are_rarely_off_the_manifold(ran) -> None:
    module, _, data, on_manifold = ran
    measured = on_manifold._measure(module.chart, data.split("test").x, module.device)
    nonconformity = on_manifold.calibration.nonconformity(oriented({k: v.detach() for k, v in measured.items()}))
    assert (on_manifold.calibration.p_value(nonconformity) <= 0.04).mean() < 0.06
    assert module.summary["originals_off_manifold"] < 0.2  # of 20


def test_certificates_are_finished_with_the_table(ran) -> None:
    module, collect, _, _ = ran
    result = collect.results()[""]
    status = ["flipped" if f else "timeout" for f in result.counterfactuals.flipped]
    names = {"p_manifold": result.columns["p_manifold"], "chart_error": result.columns["chart_error"], "status": status}
    table = pd.DataFrame({"target": result.counterfactuals.target, **names})
    table = table.assign(**{f"control_{k}": table[k] for k in names})
    finished = module.finished_table(table)
    assert {"certificate", "control_certificate_reasons"} <= set(finished) and len(finished) == len(table)


def test_false_alarms_are_foretold(ran) -> None:
    summary = ran[0].summary
    expected = summary["false_alarms"]
    assert expected["samples"] == 180 and expected["expected"] == 7 / 181  # two thirds of 270
    assert 0.01 < expected["low"] < expected["expected"] < expected["high"] < 0.08
    assert set(summary["originals_off_manifold_by_class"]) <= set(map(str, range(10)))
    assert summary["reconstructions_off_manifold"] == summary["originals_off_manifold"], "this chart is exact"


def test_the_grain_is_learned_from_what_the_chart_draws_as_well() -> None:
    """Each image as it comes back, and each with the one before it, of the same variance where z is normal."""
    x = torch.rand(150, 1, 4, 4, generator=torch.Generator().manual_seed(0))
    drawn = OnManifold.drawn(PixelChart([1, 4, 4]), x, torch.device("cpu"))
    assert torch.equal(drawn[:150], x)
    assert torch.allclose(drawn[150:], torch.stack([x[i] + x[i - 1] for i in range(150)]) / 2**0.5)


def test_nothing_that_is_explained_calibrates() -> None:
    fours = Digits(predict_split="val", predict_classes=[4], predict_limit=20)
    left, val = OnManifold()._held_out(fours), fours.split("val")
    assert len(left) == len(val) - 20 and not set(left.positions.tolist()) & set(
        fours.predict_selection().positions.tolist()
    )
    assert OnManifold()._held_out(Digits(predict_limit=20)).fingerprint() == val.fingerprint(), "test is explained"


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"predict_classes": [4]}, "explains 34 of the 270 samples .* and leaves none of 4: explain fewer"),
        ({}, "explains 270 of the 270 samples .* and leaves 0: explain fewer, with --data.predict_limit"),
        ({"predict_limit": 240}, "and leaves 30: "),
    ],
)
def test_a_split_that_is_explained_whole_cannot_calibrate(settings: dict, said: str) -> None:
    with pytest.raises(InputError, match=said):
        OnManifold()._held_out(Digits(predict_split="val", **settings))


def test_kept_measurements_are_found_by_all_that_they_depend_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """The samples themselves and not their number, the grey values, the chart's settings, the axes."""
    keys: list[tuple[str, ...]] = []

    def note(name, depends_on, compute):
        keys.append((name, *depends_on))
        return {"z": torch.zeros(0)}

    monkeypatch.setattr("callbacks.measures.on_manifold.cached", note)
    flow = VectorRealNVP([1, 8, 8], 1, [4], levels=17)
    callback, split, trainer = OnManifold(), Digits().split("val"), SimpleNamespace(is_global_zero=True, world_size=1)
    callback.fitted_on = ""

    def ask(chosen: Tensor = FIRST, levels: int = 17, axes: float = 0.0, alpha: float = 0.05) -> None:
        flow.alpha = alpha
        callback.levels, callback.axes = levels, Axes(torch.zeros(1).long(), torch.zeros(1), torch.tensor([axes]))
        module = SimpleNamespace(chart=FlowChart(flow), device=torch.device("cpu"))
        callback._measure_some(trainer, module, split, chosen)
        callback._latents(trainer, module, split, chosen)

    for changed in ({}, {"chosen": FIRST.flip(0)}, {"levels": 256}, {"axes": 1.0}, {"alpha": 0.1}):
        ask(**changed)
    measured, latents = keys[::2], keys[1::2]
    assert len(set(measured)) == 5, "each of them matters"
    assert len({*latents}) == 3, "latents are not rounded, and the axes are made of them"
    ask()
    assert keys[-2:] == keys[:2]


def test_folders_are_told_of_as_few_images_as_certificates_take() -> None:
    """Two thirds of them judge."""
    least = OnManifold()._least
    assert 2 * JUDGED_BY // 3 == least > 2 * (JUDGED_BY - 1) // 3
