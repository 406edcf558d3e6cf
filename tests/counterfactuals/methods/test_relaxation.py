import pytest
import torch
from torch import Tensor

from counterfactuals import HierarchicalChart, InputError, PixelChart, ReachClass, Relaxation, RunnerUp, explain
from lightning_modules import CounterfactualModule
from networks import HierarchicalVAE
from networks.autoencoders.hierarchical import condition, condition_of_class


class Threshold(torch.nn.Module):
    """Class 1 where the mean of x exceeds a threshold; with a sign of −1 where it falls short of it."""

    def __init__(self, threshold: float, sign: float = 1.0) -> None:
        super().__init__()
        self.threshold, self.sign = threshold, sign

    def forward(self, x: Tensor) -> Tensor:
        logit = 50 * self.sign * (x.flatten(1).mean(1) - self.threshold)
        return torch.stack([-logit, logit], 1)


def means(chart: HierarchicalChart, x: Tensor, target: int, r: list[float], **settings) -> Tensor:
    """Mean grey value of x′ for every row and r."""
    chart.explaining(Threshold(0.5))
    method = Relaxation(r, rounds=0, temperature=0, **settings)
    xi = condition_of_class(torch.full((len(x),), target), 2)
    noise = [torch.zeros(1, *shape) for shape in chart.vae.latents]
    grid = torch.tensor(method.grid).expand(len(x), -1)
    with torch.no_grad():
        return chart.relax(x, xi, grid, noise)[1].flatten(1).mean(1).view(len(x), -1)


def test_the_smallest_relaxation_by_bisection(vae: HierarchicalVAE) -> None:
    chart, x = HierarchicalChart(vae), torch.rand(64, 1, 12, 12) * torch.linspace(0, 1, 64)[:, None, None, None]
    fine = torch.linspace(1, 0, 201).tolist()
    curve = means(chart, x, 1, fine)
    first, last = curve[:, 0], curve[:, -1]
    middle, sign = 0.5 * (first + last), (last - first).sign()
    below = sign * (x.flatten(1).mean(1) - middle) < 0  # x is of class 0, as at r = 1; at r = 0 it is of class 1
    row = int(torch.where(below, (last - first).abs(), 0.0).argmax())
    predictor = Threshold(float(middle[row]), float(sign[row]))
    cf = explain(predictor, chart, x[row : row + 1], 1, Relaxation(rounds=8, temperature=0), ReachClass(0.5))
    assert cf.flipped.all() and cf.relaxation is not None
    crossed = (sign[row] * (curve[row] - middle[row]) > 0).long().argmax()
    assert float(cf.relaxation) == pytest.approx(fine[int(crossed)], abs=0.01) and 0.05 < fine[int(crossed)] < 0.95
    assert predictor(cf.counterfactual).argmax(1).tolist() == [1]


def test_what_rows_come_to_does_not_depend_on_their_neighbours(vae: HierarchicalVAE) -> None:
    chart, x, predictor = HierarchicalChart(vae), torch.rand(9, 1, 12, 12), Threshold(0.5)
    target = 1 - predictor(x).argmax(1)
    whole = explain(predictor, chart, x, target, Relaxation(), ReachClass(0.5), slots=9)
    for slots in (1, 4):
        part = explain(predictor, chart, x, target, Relaxation(), ReachClass(0.5), slots=slots)
        assert torch.equal(part.status, whole.status)
        assert torch.allclose(part.counterfactual, whole.counterfactual, atol=1e-4)
        assert torch.allclose(part.relaxation, whole.relaxation, atol=1e-4, equal_nan=True)
    assert whole.path is not None and whole.path.shape == (9, 6, 1, 12, 12)


def test_the_grid_is_the_path_from_the_largest_r(vae: HierarchicalVAE) -> None:
    chart, x, predictor = HierarchicalChart(vae), torch.rand(4, 1, 12, 12), Threshold(0.5)
    target = 1 - predictor(x).argmax(1)
    cf = explain(predictor, chart, x, target, Relaxation([0.0, 1.0], 0, temperature=0), ReachClass(0.5))
    assert cf.path is not None
    for row in range(4):
        expected = means(chart, x[row : row + 1], int(target[row]), [1.0, 0.0])[0]
        assert torch.allclose(cf.path[row].flatten(1).mean(1), expected, atol=1e-5)


def test_abduction_looks_under_what_the_classifier_says(vae: HierarchicalVAE) -> None:
    chart, x, predictor = HierarchicalChart(vae), torch.rand(4, 1, 12, 12), Threshold(0.5)
    target = 1 - predictor(x).argmax(1)
    cf = explain(predictor, chart, x, target, Relaxation([0.5], 0, abduction=True), ReachClass(0.5))
    assert cf.path is not None
    noise = [e / 3 for e in Relaxation()._noise(vae.latents)]
    arguments = condition_of_class(target, 2), torch.full((4, 1), 0.5), noise
    with torch.no_grad():
        expected = chart.relax(x, *arguments, xi_of_x=condition(predictor(x)))[1]
        under_target = chart.relax(x, *arguments)[1]
    assert torch.allclose(cf.path[:, 0], expected, atol=1e-5)
    assert not torch.allclose(cf.path[:, 0], under_target, atol=1e-3)


def test_timeouts_keep_the_best_and_already_target_is_left_alone(vae: HierarchicalVAE) -> None:
    x = torch.rand(4, 1, 12, 12)
    never = Threshold(2.0)
    cf = explain(never, HierarchicalChart(vae), x, 1, Relaxation(), ReachClass(0.5))
    assert cf.status.tolist() == [1] * 4 and cf.relaxation is not None and cf.relaxation.isnan().all()
    settled = explain(never, HierarchicalChart(vae), x, 0, Relaxation(), ReachClass(0.5))
    assert settled.status.tolist() == [2] * 4


def test_errors(vae: HierarchicalVAE) -> None:
    x = torch.rand(2, 1, 12, 12)
    with pytest.raises(InputError, match=r"needs the chart of a VAEX .* not a PixelChart"):
        explain(Threshold(0.5), PixelChart([1, 12, 12]), x, 1, Relaxation())
    with pytest.raises(InputError, match=r"needs the chart of a VAEX .* not a PixelChart"):  # before any measurement
        CounterfactualModule(Threshold(0.5), PixelChart([1, 12, 12]), RunnerUp(), method=Relaxation())
    with pytest.raises(InputError, match=r"(?s)r of the grid must lie in \[0, 1\]; got 1.5.*rounds"):
        Relaxation([1.5], rounds=-1)
    with pytest.raises(InputError, match="at least one r"):
        Relaxation([])
