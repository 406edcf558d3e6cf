import numpy as np
import pandas as pd
import torch
from scipy.stats import chi

from callbacks.on_manifold import chi_percentile, strange

QUIET = {"logger": False, "enable_progress_bar": False, "accelerator": "cpu", "inference_mode": False}


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
    assert (on_manifold.calibration.p_value(strangeness) <= 0.04).mean() < 0.06
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


def test_chi_percentile_against_scipy() -> None:
    norms = torch.tensor([0.0, 20.0, 28.0, 60.0])
    assert np.allclose(chi_percentile(norms, 784), chi(784).cdf(norms.numpy()), atol=1e-5)
