import torch

from datamodules import Helix, distance_to_helix
from datamodules.helix import helix


def test_points_lie_on_the_helix() -> None:
    split = Helix(n_test=500).split("test")
    assert distance_to_helix(split.x).max() < 1e-6
    assert torch.equal(split.y, (split.x[:, 2] > 0).long())


def test_distance_along_the_normal_is_known() -> None:
    """A step of r < 1 along the principal normal −(sin t, cos t, 0) leaves h(t) the nearest point."""
    t = torch.linspace(-3, 3, 50, dtype=torch.float64)
    normal = -torch.stack([t.sin(), t.cos(), torch.zeros_like(t)], -1)
    for r in (0.1, 0.5, 0.9):
        assert torch.allclose(distance_to_helix(helix(t) + r * normal), torch.full_like(t, r), atol=1e-9)


def test_against_brute_force_also_beyond_the_ends() -> None:
    points = torch.randn(300, 3, dtype=torch.float64) * torch.tensor([1.5, 1.5, 4.0])
    curve = helix(torch.linspace(-4, 4, 200_001, dtype=torch.float64))
    brute = torch.stack([(curve - p).norm(dim=1).min() for p in points])
    assert (distance_to_helix(points) - brute).abs().max() < 1e-6
    end = torch.tensor([[0.0, 0.0, 9.0]], dtype=torch.float64)
    assert torch.allclose(distance_to_helix(end), (helix(torch.tensor([4.0], dtype=torch.float64)) - end).norm(dim=1))
