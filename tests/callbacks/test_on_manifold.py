import numpy as np
import pandas as pd
import pytest
import pytorch_lightning as pl
import torch
from scipy.stats import chi

from callbacks import ClassDistance, OnManifold, TangentShare, Transition
from callbacks.on_manifold import chi_percentile, strange
from counterfactuals import Ascent, FlowChart, RunnerUp
from datamodules import Digits
from lightning_modules import CounterfactualModule
from metrics import cout
from networks import MLP, RealNVP
from tests.collect import Collect

QUIET = {"logger": False, "enable_progress_bar": False, "accelerator": "cpu", "inference_mode": False}


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> tuple[CounterfactualModule, Collect, Digits, OnManifold]:
    """A run on an untrained flow whose control leaves the data as far as it can."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        torch.manual_seed(0)
        predictor = MLP([1, 8, 8], 10, hidden=[])
        torch.nn.init.orthogonal_(predictor.head.weight, gain=4)
        chart = FlowChart(RealNVP([1, 8, 8], 4, 1, levels=17, alpha=0.2))
        method, control = Ascent(0.05, 100), Ascent(0.1, 100)
        module = CounterfactualModule(predictor, chart, RunnerUp(), method=method, control=control)
        data, collect, on_manifold = Digits(batch_size=20, predict_limit=20), Collect(), OnManifold()
        measuring = [on_manifold, Transition(), ClassDistance(most=5), TangentShare(num_samples=4, k=64)]
        chart.eval()
        pl.Trainer(**QUIET, callbacks=[*measuring, collect]).predict(module, datamodule=data)
    return module, collect, data, on_manifold


def test_columns_against_direct_computation(ran) -> None:
    module, collect, data, on_manifold = ran
    val = data.split("val").x
    real = module.chart.flow.log_prob(val).detach()
    for result in collect.results().values():
        rounded = (result.counterfactuals.counterfactual * 16).round() / 16
        z, log_q = module.chart.encode_with_log_prob(rounded)
        share = (real[:, None] < log_q.detach()).float().mean(0)
        assert torch.allclose(result.columns["log_q"].float(), share, atol=0.03)  # of two thirds of them
        expected = chi(64).cdf(z.norm(dim=1).detach().numpy())
        assert np.allclose(result.columns["z_norm"], expected, atol=1e-4)
        error = (module.chart.decode(z) - rounded).flatten(1).square().mean(1).sqrt()
        assert torch.allclose(result.columns["chart_error"], error.detach(), atol=1e-6)
        strangeness = result.columns["strangeness"].numpy()
        assert np.array_equal(result.columns["p_manifold"], on_manifold.calibration.p_value(strangeness))


def test_real_samples_are_rarely_off_the_manifold(ran) -> None:
    module, _, data, on_manifold = ran
    measured = on_manifold._measure(module.chart, data.split("test").x, module.device)
    strangeness = on_manifold.calibration.strangeness(strange({k: v.detach() for k, v in measured.items()}))
    assert (on_manifold.calibration.p_value(strangeness) <= 0.03).mean() < 0.06
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


def test_transition_against_the_metric(ran) -> None:
    module, collect, _, _ = ran
    for result in collect.results().values():
        cf = result.counterfactuals
        expected = cout(module.predictor, cf.x, cf.counterfactual, cf.source, cf.target)
        assert torch.allclose(result.columns["cout"], expected, atol=1e-5)
        p = module.predictor(cf.counterfactual).softmax(1).detach()
        top = p.topk(2).values
        assert torch.allclose(result.columns["margin"][cf.flipped], (top[:, 0] - top[:, 1])[cf.flipped], atol=1e-5)


def test_class_distances_against_a_loop(ran) -> None:
    module, collect, data, _ = ran
    result, selection = collect.results()["control"], data.predict_selection()
    cf, all_x = result.counterfactuals, selection.__getitems__(list(range(20)))["x"]
    for row in range(5):
        of_class = all_x[selection.y == result.y[row]]
        drawn = of_class[torch.randperm(len(of_class), generator=torch.Generator().manual_seed(0))[:5]]
        apart = [float((cf.counterfactual[row] - x).norm()) for x in drawn]
        assert float(result.columns["l2_x_class"][row]) == pytest.approx(np.mean(apart), rel=1e-4)
        z = module.chart.encode(torch.cat([cf.counterfactual[row][None], drawn])).detach()
        assert float(result.columns["l2_z_class"][row]) == pytest.approx(
            float((z[1:] - z[0]).norm(dim=1).mean()), rel=1e-3
        )


def test_the_whole_tangent_space_holds_every_step(ran) -> None:
    """With as many singular vectors as dimensions nothing is left out, for the originals that were looked at."""
    for result in ran[1].results().values():
        share = result.columns["tangent_share"]
        assert torch.allclose(share[:4], torch.ones(4), atol=1e-3) and share[4:].isnan().all()


def test_chi_percentile_against_scipy() -> None:
    norms = torch.tensor([0.0, 20.0, 28.0, 60.0])
    assert np.allclose(chi_percentile(norms, 784), chi(784).cdf(norms.numpy()), atol=1e-5)
