import torch
from torch import nn

from counterfactuals import (
    Adam,
    Ascent,
    AutoencoderChart,
    LatentL2,
    LatentSearch,
    MinimalChange,
    Momentum,
    Polyak,
    ReachClass,
    WithResidual,
    explain,
)
from networks import ConvAutoencoder


def charts() -> tuple[AutoencoderChart, WithResidual]:
    torch.manual_seed(0)
    own = AutoencoderChart(ConvAutoencoder([1, 8, 8], [4], 3)).eval()
    return own, WithResidual(own)


def classifier() -> nn.Module:
    torch.manual_seed(1)
    network = nn.Sequential(nn.Flatten(), nn.Linear(64, 3)).eval()
    network[1].weight.data *= 8
    return network


def test_the_round_trip_is_exact() -> None:
    own, chart = charts()
    x = torch.rand(5, 1, 8, 8)
    z = chart.encode(x)
    assert z.shape == (5, chart.dim) == (5, 3 + 64) and chart.exact
    assert float((chart.decode(z) - x).abs().max()) <= 1e-6 < float((own.decode(own.encode(x)) - x).abs().max())
    assert torch.equal(chart.free(z), own.encode(x))
    assert torch.equal(chart.filled(chart.free(z))[:, 3:], torch.zeros(5, 64))


def test_what_is_drawn_has_no_residual() -> None:
    own, chart = charts()
    z = chart.draw(4, torch.Generator().manual_seed(0))
    assert torch.equal(chart.decode(z), own.decode(z[:, :3]))


def test_no_search_moves_what_is_locked() -> None:
    _, chart = charts()
    x, predictor = torch.rand(6, 1, 8, 8), classifier()
    target = (predictor(x).argmax(1) + 1) % 3
    near = {"distance": LatentL2(), "distance_weight": 0.1}
    methods = [
        Ascent(0.3, 60, optimizer=Adam()),
        Ascent(0.3, 60, optimizer=Momentum(), **near),
        Ascent(1.0, 60, optimizer=Polyak(2.0, 0.5)),
        LatentSearch(16, 0.5, 20),
        MinimalChange(step_size=0.2, rounds=2, steps=20),
    ]
    for method in methods:
        cf = explain(predictor, chart, x, target, method, ReachClass(0.6))
        moved = cf.z_prime - cf.z
        assert not moved[:, 3:].any() and moved[:, :3].any(), type(method).__name__


def test_the_path_is_that_of_the_chart_itself_where_the_residual_is_nothing() -> None:
    own, chart = charts()
    predictor = classifier()
    x = own.decode(torch.randn(4, 3)).detach()
    x = own.decode(own.encode(x)).detach()
    for _ in range(200):  # to a fixed point, where e(g(z)) = z and the residual is zero
        x = own.decode(own.encode(x)).detach()
    target = (predictor(x).argmax(1) + 1) % 3
    method = Ascent(0.3, 30, optimizer=Momentum())
    one, other = (explain(predictor, coordinates, x, target, method, ReachClass(0.6)) for coordinates in (own, chart))
    assert torch.allclose(one.counterfactual, other.counterfactual, atol=1e-4)
    assert torch.allclose(one.z_prime, chart.free(other.z_prime), atol=1e-3)
