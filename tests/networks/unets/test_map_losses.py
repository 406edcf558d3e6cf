import math

import pytest
import torch
from scipy.ndimage import distance_transform_edt
from torch.nn.functional import binary_cross_entropy

from networks import BlurredFocal, InputError, WeightedHausdorff
from networks.unets.map_losses import blur


def points(*places: tuple[int, int], height: int = 6, width: int = 8) -> torch.Tensor:
    y = torch.zeros(1, 1, height, width)
    for r, c in places:
        y[0, 0, r, c] = 1
    return y


def double_loop(p: torch.Tensor, y: list[tuple[int, int]], alpha: float) -> float:
    """Ribera et al. 2019, eq. 5, as it is written."""
    height, width = p.shape
    d_max, epsilon = math.hypot(height, width), 1e-6
    mass = astray = 0.0
    missed = [0.0] * len(y)
    for r in range(height):
        for c in range(width):
            distances = [math.hypot(r - a, c - b) for a, b in y]
            mass += p[r, c].item()
            astray += p[r, c].item() * min(distances)
            for i, d in enumerate(distances):
                missed[i] += (p[r, c].item() * d + (1 - p[r, c].item()) * d_max + epsilon) ** alpha
    means = [(m / (height * width)) ** (1 / alpha) for m in missed]
    return astray / (mass + epsilon) + sum(means) / len(y)


@pytest.mark.parametrize("alpha", [-1.0, -4.0])
@pytest.mark.parametrize("places", [[(2, 3)], [(0, 0), (5, 7), (2, 2)]])
def test_weighted_hausdorff_against_a_double_loop(alpha: float, places: list[tuple[int, int]]) -> None:
    torch.manual_seed(0)
    logits = torch.randn(1, 1, 6, 8)
    found = WeightedHausdorff(alpha)(logits, points(*places)).item()
    assert found == pytest.approx(double_loop(logits.sigmoid()[0, 0], places, alpha), rel=1e-4)


@pytest.mark.parametrize("alpha", [-9.0, -20.0, -100.0])
def test_weighted_hausdorff_has_gradients_in_float32_however_like_a_minimum(alpha: float) -> None:
    torch.manual_seed(0)
    logits = (8 * torch.randn(1, 1, 64, 64)).requires_grad_()
    y = points((20, 30), (5, 60), height=64, width=64)
    (grad,) = torch.autograd.grad(WeightedHausdorff(alpha)(logits, y), logits)
    double = logits.detach().double().requires_grad_()
    (expected,) = torch.autograd.grad(WeightedHausdorff(alpha)(double, y), double)
    assert expected.abs().max() > 0 and torch.allclose(grad.double(), expected, rtol=1e-3, atol=1e-6)


@pytest.mark.parametrize("alpha", [0.0, 1.0, float("nan"), -float("inf")])
def test_weighted_hausdorff_needs_a_negative_exponent(alpha: float) -> None:
    with pytest.raises(InputError, match="alpha must be negative; got"):
        WeightedHausdorff(alpha)


def test_weighted_hausdorff_of_a_batch_is_the_mean_also_with_empty_images() -> None:
    logits, loss = torch.randn(2, 1, 6, 8), WeightedHausdorff()
    both = torch.cat([points((1, 1)), points()])
    each = [loss(logits[i : i + 1], both[i : i + 1]) for i in range(2)]
    assert loss(logits, both).item() == pytest.approx(torch.stack(each).mean().item(), rel=1e-6)
    assert each[1].item() == pytest.approx(math.hypot(6, 8) * logits[1].sigmoid().mean().item(), rel=1e-5)


def test_weighted_hausdorff_is_zero_at_the_truth_alone() -> None:
    loss, y = WeightedHausdorff(), points((1, 2), (4, 6))
    right = torch.where(y > 0, 30.0, -30.0)
    beside = right.roll(1, dims=3)
    assert loss(right, y) < 0.01 and loss(beside, y) > 1 and loss(-right, y) > 1
    logits = torch.zeros(1, 1, 6, 8, requires_grad=True)
    loss(logits, y).backward()
    assert logits.grad is not None and (logits.grad[y > 0] < 0).all()


def test_blurred_points_are_gaussians_of_the_nearest_one() -> None:
    y = points((5, 5), (5, 7), (12, 3), height=16, width=16)
    distance = torch.from_numpy(distance_transform_edt(1 - y[0, 0].numpy()))
    expected = (-distance.square() / (2 * 1.5**2)).exp()
    assert (blur(y, 1.5)[0, 0] - expected).abs().max() < math.exp(-(5**2) / (2 * 1.5**2))  # beyond the window
    near = distance <= 5
    assert torch.allclose(blur(y, 1.5)[0, 0][near].double(), expected[near], atol=1e-6)


def test_focal_without_focus_is_cross_entropy() -> None:
    logits, y = torch.randn(3, 1, 8, 8), (torch.rand(3, 1, 8, 8) < 0.1).float()
    expected = binary_cross_entropy(logits.sigmoid(), blur(y, 1.5), reduction="sum") / (3 * 2 * math.pi * 1.5**2)
    assert BlurredFocal(gamma=0)(logits, y).item() == pytest.approx(expected.item(), rel=1e-5)
    exact = blur(points((3, 3)), 1.5).logit(eps=1e-6)
    assert BlurredFocal()(exact, points((3, 3))) < 1e-6
