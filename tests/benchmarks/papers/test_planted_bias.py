"""The planted biases: what goes along with a label, and who is said to have found it."""

import pytest
import torch
from torch import Tensor

from benchmarks.papers.planted_bias import ATTRIBUTES, LABEL, Plant, called, drawn, raked, ranked, regions
from networks import MLP


def correlation(weights: Tensor, a: Tensor, y: Tensor) -> float:
    w, a, y = weights / weights.sum(), a.double(), y.double()
    da, dy = a - w @ a, y - w @ y
    return float((w @ (da * dy)) / ((w @ da**2) * (w @ dy**2)).sqrt())


def faces(n: int = 4000) -> tuple[Tensor, Tensor]:
    """Labels, a fifth of them 0, and three attributes that go along with them and with each other."""
    generator = torch.Generator().manual_seed(0)
    y = (torch.rand(n, generator=generator) < 0.8).long()
    first = torch.rand(n, generator=generator) < torch.where(y == 1, 0.2, 0.6)
    second = torch.rand(n, generator=generator) < torch.where(first, 0.7, 0.3)
    return y, torch.stack([first, second, torch.rand(n, generator=generator) < 0.1], 1).float()


@pytest.mark.parametrize("rho", [0.0, 0.5, 0.8, 1.0, -0.8])
def test_one_attribute_goes_along_with_the_label_and_no_other_does(rho: float) -> None:
    y, a = faces()
    weights = raked(y, a, {1: rho})
    assert abs(float(weights[y == 1].sum()) - 0.5) < 1e-9
    found = [correlation(weights, a[:, j], y) for j in range(3)]
    assert found[1] == pytest.approx(rho, abs=1e-3)
    assert found[0] == pytest.approx(0, abs=1e-3) and found[2] == pytest.approx(0, abs=1e-3)


def test_draws_go_the_way_that_the_data_goes_and_repeat() -> None:
    y, three = faces()
    a = torch.zeros(len(y), len(ATTRIBUTES))
    for j, name in enumerate(("Eyeglasses", "Bald", "Smiling")):
        a[:, ATTRIBUTES.index(name)] = three[:, j]
    plant = Plant("Eyeglasses", 0.8, 3)
    chosen = drawn(plant, y, a, ATTRIBUTES)
    glasses = a[chosen, ATTRIBUTES.index("Eyeglasses")]
    assert glasses[y[chosen] == 0].mean() == pytest.approx(0.9, abs=0.03), "more of the others, as in the data"
    assert glasses[y[chosen] == 1].mean() == pytest.approx(0.1, abs=0.03)
    assert torch.equal(chosen, drawn(plant, y, a, ATTRIBUTES))


def test_who_comes_first_and_what_is_called() -> None:
    values = 0.02 * torch.randn(40, len(ATTRIBUTES), generator=torch.Generator().manual_seed(0))
    values[:, ATTRIBUTES.index("Bald")] -= 0.3
    values[:, ATTRIBUTES.index("Smiling")] += 0.05
    values[:, ATTRIBUTES.index(LABEL)] = 1.0
    assert ranked(values)[:2] == ["Bald", "Smiling"] and LABEL not in ranked(values)
    assert called(values, 0.1) == ["Bald"] and called(values, 0.0) == ["Bald", "Smiling"]


def test_a_map_knows_regions_alone() -> None:
    network = MLP([3, 64, 64], 2, hidden=[])
    torch.nn.init.zeros_(network.head.weight)
    weight = network.head.weight.data.view(2, 3, 64, 64)
    weight[1, :, 24:36] = 1.0
    found = regions(network, torch.ones(2, 3, 64, 64)).mean(0)
    eyes, hair = (found[ATTRIBUTES.index(name)] for name in ("Eyeglasses", "Bald"))
    assert float(eyes) == pytest.approx(1 / 12) and float(hair) == 0
    assert found[ATTRIBUTES.index("Eyeglasses")] == found[ATTRIBUTES.index("Bushy_Eyebrows")]
