import pytest
import torch

from metrics import similarity


@pytest.mark.parametrize("size", [3, 8, 12, 28])
def test_one_for_the_same_and_less_for_more_noise(size: int) -> None:
    x = torch.rand(5, 1, size, size)
    noise = torch.randn_like(x)
    values = [similarity((x + amount * noise).clamp(0, 1), x) for amount in (0.0, 0.1, 0.4)]
    assert all(v.shape == (5,) for v in values)
    assert torch.allclose(values[0], torch.ones(5), atol=1e-5)
    assert (values[1] < values[0]).all() and values[2].mean() < values[1].mean()


def test_each_pair_alone() -> None:
    x, y = torch.rand(300, 3, 16, 16), torch.rand(300, 3, 16, 16)
    assert torch.allclose(similarity(x, y)[270:271], similarity(x[270:271], y[270:271]), atol=1e-5)


def test_too_small_is_not_a_number() -> None:
    assert similarity(torch.rand(2, 1, 2, 9), torch.rand(2, 1, 2, 9)).isnan().all()
