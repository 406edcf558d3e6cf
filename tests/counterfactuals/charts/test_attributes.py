"""Attributes as coordinates."""

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from counterfactuals import (
    Adam,
    Ascent,
    AttributeChart,
    Chart,
    Counterfactuals,
    Diverse,
    InputError,
    LatentL1,
    LatentL2,
    LatentSearch,
    MinimalChange,
    Momentum,
    Nearer,
    PixelChart,
    PixelL2,
    Polyak,
    ReachClass,
    Surer,
    WithResidual,
    explain,
)
from counterfactuals.engine import Problem
from networks import AttributeDiscriminator, AttributeGenerator
from networks.gans import Seen

NAMES = ["Bald", "Young", "slant"]
KNOWN = torch.tensor([[0.0, 1.0, -3.0], [1.0, 0.0, 5.0], [0.0, 0.0, 1.0]])
LOW, HIGH = KNOWN.amin(0), KNOWN.amax(0)
#: the same as coordinates
LEAST, MOST = torch.tensor([-1.0, -1.0, -1.0]), torch.tensor([1.0, 1.0, 1.0])
X = torch.rand(6, 1, 12, 12, generator=torch.Generator().manual_seed(3))


def chart_of(**settings: Any) -> AttributeChart:
    """One in which attributes change a lot."""
    torch.manual_seed(0)
    generator = AttributeGenerator([1, 12, 12], NAMES, [4, 6])
    generator.units.learn(KNOWN)
    for stage in generator.decoder:
        stage[0].weight.data[-3:] *= 8
    annotator = Seen(AttributeDiscriminator([1, 12, 12], NAMES, [4, 6], features=8))
    return AttributeChart(generator, annotator, **settings).eval()


def classifier() -> nn.Module:
    torch.manual_seed(1)
    network = nn.Sequential(nn.Flatten(), nn.Linear(144, 3)).eval()
    network[1].weight.data *= 4
    return network


def searched(method: Any, chart: Chart, x: Tensor = X, confidence: float = 0.5) -> Counterfactuals:
    predictor = classifier()
    target = (predictor(x).argmax(1) + 1) % 3
    return explain(predictor, chart, x, target, method, ReachClass(confidence))


METHODS = {
    "ascent": Ascent(0.5, 12),
    "adam": Ascent(0.5, 12, optimizer=Adam(), extra_steps=3),
    "momentum": Ascent(1.0, 12, optimizer=Momentum(), distance=LatentL2(), distance_weight=0.01),
    "polyak": Ascent(2.0, 12, optimizer=Polyak(2.0, 1.0)),
    "nearer": Nearer(Ascent(0.5, 12, extra_steps=2), PixelL2(), steps=6, step_size=2.0),
    "minimal": MinimalChange(LatentL1(), rounds=2, steps=6, step_size=0.5),
    "surer": Surer(12, 0.5),
    "diverse": Diverse(Ascent(0.5, 12, distance=LatentL1(), distance_weight=0.01), 3, spread=2.0, repulsion=2.0),
    "samples": LatentSearch(8, 2.0, 6),
}
every_method = pytest.mark.parametrize("name", METHODS)


def test_what_the_annotator_says_and_the_latent_are_the_coordinates() -> None:
    chart = chart_of()
    z = chart.encode(X)
    assert chart.dim == z.shape[1] == 3 + chart.generator.dim and not chart.exact and chart.names == tuple(NAMES)
    read = chart.units.read(chart.annotator(X))
    assert torch.equal(z[:, :3], (read - chart.units.centre) / chart.units.scale), "all of one size"
    assert torch.allclose(chart.named(z), read, atol=1e-6), "and in their own units for people"
    assert torch.equal(z[:, 3:], chart.generator.encode(X))
    assert torch.allclose(chart.decode(z), chart.generator(X, read), atol=1e-5)
    whole = WithResidual(chart)
    assert torch.equal(whole.named(whole.encode(X)), chart.named(z))


def test_all_but_attributes_is_locked_and_attributes_may_be() -> None:
    chart = chart_of()
    assert chart.locked is not None and chart.locked.tolist() == [False] * 3 + [True] * chart.generator.dim
    chart.lock([])
    assert (~chart.locked).sum() == 3
    chart.lock(["Young"])
    assert chart.locked[:3].tolist() == [False, True, False] and chart.locked[3:].all()
    chart.lock(["slant"])
    assert chart.locked[:3].tolist() == [False, True, True]
    assert chart_of(locked=["Bald"]).locked[:3].tolist() == [True, False, False]


@pytest.mark.parametrize("residual", [False, True])
def test_locks_that_cannot_be(residual: bool) -> None:
    chart = WithResidual(chart_of()) if residual else chart_of()
    with pytest.raises(InputError, match=r"locked names 'Yuong', 'Old'; the chart's names are Bald, Young, slant$"):
        chart.lock(["Yuong", "Bald", "Old"])
    with pytest.raises(InputError, match=r"locked names Bald, Young, slant, which leaves nothing that a search could"):
        chart.lock(NAMES)
    assert int((~chart.locked).sum()) == 3, "what was refused locks nothing"
    with pytest.raises(InputError, match="locked names 'Young'; the chart has no names"):
        PixelChart([1, 12, 12]).lock(["Young"])
    with pytest.raises(InputError, match="annotator must be an object, not the class Seen"):
        AttributeChart(chart_of().generator, Seen)  # type: ignore[arg-type]


def test_a_residuals_locks_are_its_charts() -> None:
    chart = WithResidual(chart_of(locked=["Bald"]))
    chart.lock(["slant"])
    assert chart.names == tuple(NAMES) and chart.locked[:3].tolist() == [True, False, True]
    assert chart.locked[3:].all() and chart.locked[: chart.chart.dim].equal(chart.chart.locked)


def test_with_its_residual_an_image_comes_back() -> None:
    chart, own = WithResidual(chart_of()), chart_of()
    with torch.no_grad():
        back, alone = (c.decode(c.encode(X)) for c in (chart, own))
    assert float((back - X).abs().max()) <= 1e-6 and float((alone - X).abs().max()) > 0.1


@every_method
@pytest.mark.parametrize("residual", [False, True])
def test_no_search_moves_what_is_locked_or_leaves_the_bounds(name: str, residual: bool) -> None:
    chart = WithResidual(chart_of(locked=["Young"])) if residual else chart_of(locked=["Young"])
    cf = searched(METHODS[name], chart)
    locked, a = chart.locked, cf.z_prime[:, :3]
    own = chart.named(cf.z_prime)
    assert torch.equal(cf.z_prime[:, locked], cf.z[:, locked])
    assert (cf.z_prime != cf.z)[:, ~locked].any(0).all() and cf.flipped.any(), "what is free moves"
    assert (a >= LEAST).all() and (a <= MOST).all()
    assert (own >= LOW - 1e-5).all() and (own <= HIGH + 1e-5).all()
    assert ((a == LEAST) | (a == MOST))[:, [0, 2]].any(), "some search is stopped by a bound"


@every_method
def test_nor_is_any_point_on_the_way_outside(name: str) -> None:
    chart, predictor, method = chart_of(), classifier(), METHODS[name]
    problem = Problem(predictor, chart, ReachClass(0.5), None)
    state, _ = method.start(problem, X, (predictor(X).argmax(1) + 1) % 3)
    for _ in range(16):
        state, _ = method.step(problem, state)
        ascent = getattr(state, "ascent", getattr(state, "ascents", state))
        a = getattr(ascent, "search", ascent).z[..., :3]
        assert (a >= LEAST).all() and (a <= MOST).all()


@every_method
def test_a_search_does_not_depend_on_its_neighbours(name: str) -> None:
    chart = chart_of(locked=["Young"])
    together, alone = searched(METHODS[name], chart), searched(METHODS[name], chart, X[4:5])
    members = len(alone)
    rows = slice(4 * members, 5 * members)
    assert torch.allclose(together.z_prime[rows], alone.z_prime, atol=1e-5)
    assert torch.equal(together.status[rows], alone.status)


def test_a_search_that_wants_out_stays_at_the_bound_and_may_come_back() -> None:
    chart = chart_of()
    z = chart.encode(X).detach()
    z[:, :3] = MOST
    z.requires_grad_()
    (grad,) = torch.autograd.grad(chart.decode(z).square().sum(), z)
    assert (grad[:, :3].abs().sum(0) > 0).all(), "the clamp has a gradient at the bound itself"
    out = z.detach().clone()
    out[:, :3] += 1
    assert torch.equal(chart.project(out), z) and torch.equal(chart.decode(out), chart.decode(z))


@pytest.mark.parametrize("residual", [False, True])
def test_the_gradient_is_that_of_finite_differences(residual: bool) -> None:
    chart = chart_of().double()
    whole: Chart = WithResidual(chart) if residual else chart
    x = X.double()
    latent = [chart.generator.encode(x)] + ([torch.rand(6, 144, dtype=torch.float64)] if residual else [])
    a = LEAST + (MOST - LEAST) * torch.rand(6, 3, dtype=torch.float64).clamp(0.1, 0.9)
    z = torch.cat([a, *latent], 1).detach().requires_grad_()
    weights = torch.randn(6, 1, 12, 12, dtype=torch.float64)

    def value(z: Tensor) -> Tensor:
        return (whole.decode(z) * weights).flatten(1).sum(1)

    (grad,) = torch.autograd.grad(value(z).sum(), z)
    with torch.no_grad():
        for i in range(3):
            step = torch.zeros_like(z)
            step[:, i] = 1e-6
            assert torch.allclose(grad[:, i], (value(z + step) - value(z - step)) / 2e-6, rtol=1e-5, atol=1e-6)
    assert not grad[:, 3:].any()


def test_without_a_prior_its_samples_are_edits_by_each_others_attributes() -> None:
    chart = WithResidual(chart_of())
    with torch.no_grad():
        z, again = chart.encode(X), chart.resampled(X, torch.Generator().manual_seed(0))
    inner, a = chart.chart.dim, len(chart.names)
    assert torch.equal(again[:, a:inner], z[:, a:inner]) and not again[:, inner:].any()
    order = torch.randperm(len(X), generator=torch.Generator().manual_seed(0))
    assert torch.equal(again[:, :a], z[order, :a]) and not torch.equal(order, torch.arange(len(X)))
