import pytest
import torch
import torch.nn.functional as F
from torch import nn

from counterfactuals import Ascent, InputError, PixelChart, ReachMargin, RunnerUp, Smoothing, explain
from counterfactuals.steps.smoothing import DRAWN
from networks.gans.shifted import shifted


def test_shifts_are_of_pixels_and_repeat_the_border() -> None:
    x = torch.rand(3, 2, 5, 7)
    moved = shifted(x, torch.tensor([[2.0, 0.0], [0.0, -1.0], [0.5, 0.0]]))
    padded = F.pad(x, (2, 2, 2, 2), mode="replicate")
    assert torch.allclose(moved[0], padded[0, :, 2:7, 0:7], atol=1e-5), "to the right"
    assert torch.allclose(moved[1], padded[1, :, 3:8, 2:9], atol=1e-5), "up"
    assert torch.allclose(moved[2], (padded[2, :, 2:7, 2:9] + padded[2, :, 2:7, 1:8]) / 2, atol=1e-5)


def test_every_row_goes_through_the_same_looks() -> None:
    smoothing, x = Smoothing(4, noise=0.5, shift=1.0), torch.rand(3, 1, 6, 6)
    copies = smoothing(x, torch.tensor([5, 0, 5 + DRAWN // 4]))
    assert torch.equal(copies[4:8], smoothing(x[1:2], torch.tensor([0])))
    same = smoothing(x[:1].expand(2, -1, -1, -1), torch.tensor([2, 2 + DRAWN // 4]))
    assert torch.equal(same[:4], same[4:]), "in turn, all 64"
    noise = Smoothing(DRAWN, noise=0.5)(torch.zeros(1, 1, 20, 20), torch.tensor([0]))
    assert noise.mean().abs() < 0.01 and noise.std() == pytest.approx(0.5, rel=0.02)


def test_a_linear_predictor_is_smooth_already(linear_chart, linear_predictor) -> None:
    x = torch.randn(9, 6)
    plain, smooth = (
        explain(
            linear_predictor, linear_chart, x, RunnerUp(), Ascent(0.05, 300, clip=None, smoothing=s), ReachMargin(0.5)
        )
        for s in (None, Smoothing(64, noise=1e-3))
    )
    assert torch.equal(plain.steps, smooth.steps) and torch.allclose(plain.z_prime, smooth.z_prime, atol=1e-3)


class Rough(nn.Module):
    """Rises with Σx, on a ripple that turns the gradient wherever one stands."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        height = x.flatten(1).sum(1) + 0.1 * torch.sin(40 * x.flatten(1)).sum(1)
        return torch.stack([height, -height], 1)


def test_ripples_do_not_stop_it() -> None:
    x, target = torch.full((4, 6), -0.3) + 0.05 * torch.arange(4)[:, None], torch.zeros(4, dtype=torch.int64)
    found = [
        explain(Rough(), PixelChart([6]), x, target, Ascent(0.02, 150, clip=None, smoothing=s))
        for s in (None, Smoothing(64, 0.1))
    ]
    assert not found[0].flipped.any() and found[1].flipped.all()
    alone = explain(
        Rough(), PixelChart([6]), x[2:3], target[2:3], Ascent(0.02, 150, clip=None, smoothing=Smoothing(64, 0.1))
    )
    assert torch.allclose(alone.z_prime[0], found[1].z_prime[2], atol=1e-5)


def test_wrong_numbers(linear_predictor) -> None:
    with pytest.raises(InputError, match="neither noise nor shift"):
        Smoothing(noise=0.0)
    with pytest.raises(InputError, match="shifts images; the samples have shape"):
        explain(
            linear_predictor,
            PixelChart([6]),
            torch.randn(2, 6),
            RunnerUp(),
            Ascent(clip=None, smoothing=Smoothing(4, shift=1.0)),
        )
    with pytest.raises(InputError, match="copies"):
        Smoothing(copies=65)
