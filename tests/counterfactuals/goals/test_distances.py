import pytest
import torch

from counterfactuals import Ascent, FeatureL2, LatentL1, LatentL2, PixelL1, PixelL2, ReachClass, explain
from counterfactuals.goals.distances import Points


def test_values() -> None:
    x0, z0 = torch.zeros(2, 1, 2, 2), torch.zeros(2, 3)
    x, z = torch.tensor([[1.0, -2.0, 0.0, 0.0], [0.0, 0.0, 0.0, 0.0]]).view(2, 1, 2, 2), torch.ones(2, 3)
    points = Points(x, z, x0, z0)
    assert PixelL1().measure(points).tolist() == [3.0, 0.0]
    assert PixelL2().measure(points).tolist() == [2.5, 0.0]
    assert LatentL2().measure(points).tolist() == [1.5, 1.5]
    apart = points._replace(z=torch.tensor([[1.0, -2.0, 0.0], [0.0, 0.0, 0.0]]), z0=-z0 + 1)
    assert LatentL1().measure(apart).tolist() == [4.0, 3.0]
    features = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(4, 2))
    weight = features[1].weight.detach()
    assert FeatureL2(features).measure(points)[0] == pytest.approx(
        float(0.5 * (weight @ x[0].flatten()).square().sum())
    )


@pytest.mark.parametrize("distance", [PixelL1(), PixelL2(), LatentL1(), LatentL2()])
def test_a_larger_weight_keeps_a_search_nearer(distance, linear_chart, linear_predictor) -> None:
    x = torch.randn(30, 6)
    target = (linear_predictor(x).argmax(1) + 1) % 3
    nearer = [
        explain(
            linear_predictor,
            linear_chart,
            x,
            target,
            Ascent(0.02, 400, clip=None, distance=distance, distance_weight=weight),
            ReachClass(0.6),
        )
        for weight in (0.0, 0.02)
    ]
    plain, kept = (Points(cf.counterfactual, cf.z_prime, cf.x, cf.z) for cf in nearer)
    both = nearer[0].flipped & nearer[1].flipped
    assert both.sum() > 20
    assert distance.measure(kept)[both].mean() < distance.measure(plain)[both].mean()
