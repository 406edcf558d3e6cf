import pytest
import torch
from torch import nn

from metrics import cout


class FirstPixel(nn.Module):
    """p₁ = the first pixel, p₀ = 1 − p₁."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        p = x.flatten(1)[:, 0].clamp(1e-6, 1 - 1e-6)
        return torch.stack([1 - p, p], 1).log()


def test_worked_by_hand() -> None:
    """The first pixel decides. As the most changed one it is exchanged at the first of two steps: target curve
    0, 1, 1 with area ¾, source ¼. As the least changed at the last: 0, 0, 1, area ¼."""
    x = torch.zeros(2, 1, 1, 2)
    x_prime = torch.tensor([[1.0, 0.5], [1.0, 2.0]]).view(2, 1, 1, 2)
    source, target = torch.tensor([0, 0]), torch.tensor([1, 1])
    assert cout(FirstPixel(), x, x_prime, source, target, steps=2).tolist() == pytest.approx([0.5, -0.5], abs=1e-5)


def test_no_change_is_the_originals_own_probabilities() -> None:
    x = torch.full((1, 1, 2, 2), 0.25)
    assert float(cout(FirstPixel(), x, x, torch.tensor([0]), torch.tensor([1]))) == pytest.approx(0.25 - 0.75)


def test_all_channels_of_a_pixel_are_exchanged_together() -> None:
    """Channel 0 carries the decision and channel 1 the size of the change."""
    x, x_prime = torch.zeros(1, 2, 1, 2), torch.zeros(1, 2, 1, 2)
    x_prime[0, :, 0, 0] = torch.tensor([1.0, 9.0])
    x_prime[0, 0, 0, 1] = 3.0
    assert float(cout(FirstPixel(), x, x_prime, torch.tensor([0]), torch.tensor([1]), 2)) == pytest.approx(
        0.5, abs=1e-5
    )


def test_points_have_no_channels() -> None:
    x, x_prime = torch.zeros(1, 2), torch.tensor([[1.0, 0.5]])
    assert float(cout(FirstPixel(), x, x_prime, torch.tensor([0]), torch.tensor([1]), 2)) == pytest.approx(
        0.5, abs=1e-5
    )
