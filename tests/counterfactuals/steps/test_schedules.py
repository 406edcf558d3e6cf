import pytest
import torch

from counterfactuals import Ascent, Cosine, Exponential, InputError, Momentum, PixelChart, ReachClass, explain


def test_factors() -> None:
    steps = torch.tensor([0, 5, 10])
    assert Cosine().factor(steps, 10).tolist() == pytest.approx([1.0, 0.5, 0.0], abs=1e-6)
    assert Exponential(5).factor(steps, 10).tolist() == pytest.approx([1.0, 0.5, 0.25])
    with pytest.raises(InputError, match="other than 0"):
        Exponential(0)


def test_the_way_is_the_sum_of_the_steps() -> None:
    """Along a linear model's constant gradient: lengths 1, ½, ¼, …"""
    method = Ascent(0.1, 4, clip=None, optimizer=Momentum(0.0), schedule=Exponential(1))
    cf = explain(torch.nn.Linear(3, 2), PixelChart([3]), torch.randn(5, 3), 1, method, ReachClass(1 - 1e-7))
    way = (cf.z_prime - cf.z)[cf.searched].norm(dim=1)
    assert torch.allclose(way, torch.full_like(way, 0.1 * (1 + 1 / 2 + 1 / 4 + 1 / 8)), atol=1e-6)
