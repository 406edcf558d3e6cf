import pytest
import torch

from metrics import LocalisationF1, localise
from metrics.localisation import f1, matches
from networks.unets.map_losses import blur


def map_of(places: list[tuple[int, int]], side: int = 48) -> torch.Tensor:
    y = torch.zeros(1, 1, side, side)
    for r, c in places:
        y[0, 0, r, c] = 1
    return blur(y, 1.5)[0, 0]


def ordered(points: torch.Tensor) -> torch.Tensor:
    return torch.tensor(sorted(points.tolist()))


@pytest.mark.parametrize("places", [[(10, 12)], [(5, 5), (5, 30), (40, 9)], [(10, 10), (10, 15), (30, 30), (45, 2)]])
def test_finds_known_positions(places: list[tuple[int, int]]) -> None:
    found = localise(map_of(places), len(places) + 0.3)
    assert (ordered(found) - torch.tensor(sorted(places))).abs().max() < 0.7


def test_faint_objects_and_noise() -> None:
    probability = 0.9 * map_of([(10, 10)]) + 0.4 * map_of([(30, 35)]) + 0.02 * torch.rand(48, 48)
    assert (ordered(localise(probability, 2)) - torch.tensor([[10, 10], [30, 35]])).abs().max() < 1


def test_the_count_decides_how_many() -> None:
    probability = map_of([(10, 10), (30, 30)])
    assert localise(probability, 0.4).shape == (0, 2) and localise(probability, -3.0).shape == (0, 2)
    assert len(localise(probability, 5.2)) == 5 and len(localise(probability, 1.0)) == 1
    assert localise(torch.zeros(8, 8), 3).shape == (0, 2)
    single = torch.zeros(8, 8)
    single[2, 5] = 1
    assert localise(single, 3).tolist() == [[2, 5]]  # no more heads than pixels


def test_matches_are_one_to_one_and_as_many_as_can_be() -> None:
    a = torch.tensor([[0.0, 0.0], [0.0, 3.0]])
    assert matches(a, torch.tensor([[0.0, 1.0]]), 5) == 1
    # the nearest pair alone would leave the other two without a partner
    assert matches(a, torch.tensor([[0.0, 2.0], [0.0, -4.5]]), 5) == 2
    assert matches(a, a + 100, 5) == 0 and matches(a, torch.zeros(0, 2), 5) == 0


def test_f1_over_images_and_ranks() -> None:
    metric = LocalisationF1(radius=2)
    here, there = torch.tensor([[1.0, 1.0]]), torch.tensor([[9.0, 9.0]])
    metric.update([here, torch.cat([here, there])], [here, there])
    assert metric.compute().item() == pytest.approx(2 * 2 / (3 + 2))
    metric.update([here], [torch.zeros(0, 2)])
    assert metric.compute().item() == pytest.approx(2 * 2 / (4 + 2))
    assert f1(0, 0, 0) == 1 and f1(0, 2, 0) == 0


def test_nothing_is_found_where_the_network_says_nan() -> None:
    places = map_of([(10, 12)])
    assert len(localise(places, float("nan"))) == 0 and len(localise(places * torch.nan, 1.0)) == 0
