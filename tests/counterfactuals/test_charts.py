import torch

from counterfactuals import FlowChart, PixelChart
from networks import VectorRealNVP


def test_round_trips() -> None:
    x = torch.rand(4, 1, 4, 4)
    for chart in (PixelChart([1, 4, 4]), FlowChart(VectorRealNVP([1, 4, 4], 2, [8], levels=17))):
        z = chart.encode(x)
        assert z.shape == (4, chart.dim) == (4, 16)
        assert chart.exact and torch.allclose(chart.decode(z), x, atol=1e-5)
