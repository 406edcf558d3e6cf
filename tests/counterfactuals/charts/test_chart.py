import torch

from counterfactuals import AutoencoderChart, FlowChart, PixelChart
from networks import ConvAutoencoder, GatedVAE, VectorRealNVP


def test_round_trips() -> None:
    x = torch.rand(4, 1, 4, 4)
    for chart in (PixelChart([1, 4, 4]), FlowChart(VectorRealNVP([1, 4, 4], 2, [8], levels=17))):
        z = chart.encode(x)
        assert z.shape == (4, chart.dim) == (4, 16)
        assert chart.exact and torch.allclose(chart.decode(z), x, atol=1e-5)


def test_autoencoders_are_approximate_charts_of_few_dimensions() -> None:
    x = torch.rand(4, 1, 8, 8)
    for autoencoder in (ConvAutoencoder([1, 8, 8], [4], 3), GatedVAE([1, 8, 8], [8], 3, num_reflections=2)):
        chart = AutoencoderChart(autoencoder)
        z = chart.encode(x)
        assert z.shape == (4, chart.dim) == (4, 3) and not chart.exact and chart.shape == (1, 8, 8)
        assert torch.equal(chart.decode(z), autoencoder(x))
        assert chart.encode_with_log_prob(x)[1] is None
