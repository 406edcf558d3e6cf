"""The latent space of a generator, somebody else's or a StyleGAN's."""

import pytest
import torch
from torch import Tensor, nn

from counterfactuals import GeneratorChart, InputError, Optimised
from networks import InW, StyleGenerator


class Strangers(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(6, 12)

    def forward(self, z: Tensor) -> Tensor:
        return self.layer(z).view(-1, 3, 2, 2)


def test_a_strangers_generator_is_a_chart() -> None:
    chart = GeneratorChart(Strangers(), Optimised(steps=3, starts=2), latent_dim=6)
    assert chart.shape == (3, 2, 2) and chart.dim == 6 and not chart.exact
    x = torch.rand(2, 3, 2, 2)
    assert chart.decode(chart.encode(x)).shape == x.shape
    assert chart.draw(3, torch.Generator().manual_seed(0)).shape == (3, 6)
    signed = GeneratorChart(Strangers(), Optimised(steps=300, starts=1), latent_dim=6, values=(-1.0, 1.0))
    z = torch.randn(2, 6)
    assert torch.allclose(signed.decode(z), (signed.generator(z) + 1) / 2)
    assert torch.allclose(signed.encode(signed.decode(z).detach()), z, atol=0.1)
    with pytest.raises(InputError, match="does not say how many numbers its z has"):
        GeneratorChart(Strangers())
    with pytest.raises(InputError, match="Strangers cannot take z of 2×5"):
        GeneratorChart(Strangers(), latent_dim=5)
    with pytest.raises(InputError, match="must be an object, not the class Strangers"):
        GeneratorChart(Strangers)  # type: ignore[arg-type]


@pytest.mark.parametrize("plus", [False, True])
def test_w_can_be_the_coordinates(plus: bool) -> None:
    torch.manual_seed(0)
    generator = StyleGenerator([1, 8, 8], 5, 4, [4, 4]).eval()
    chart = GeneratorChart(InW(generator, plus), Optimised(steps=2, starts=1))
    assert chart.dim == 4 * (generator.num_styles if plus else 1) and chart.shape == (1, 8, 8)
    z = generator.draw(3, None, torch.Generator().manual_seed(0))
    w = chart.draw(3, torch.Generator().manual_seed(0))
    assert torch.allclose(chart.decode(w), generator(z), atol=1e-6)
    assert chart.encode(torch.rand(2, 1, 8, 8)).shape == (2, chart.dim)
