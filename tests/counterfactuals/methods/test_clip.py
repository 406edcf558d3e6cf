import pytest
import torch

from counterfactuals.methods.clip import as_image, straight_through_clip


def test_clips_values_but_not_gradients() -> None:
    x = torch.tensor([-0.5, 0.25, 1.75], requires_grad=True)
    clipped = straight_through_clip(x, (0.0, 1.0))
    assert clipped.tolist() == [0.0, 0.25, 1.0]
    clipped.sum().backward()
    assert x.grad is not None and x.grad.tolist() == [1.0, 1.0, 1.0]


@pytest.mark.parametrize("value", [1e6, 1e8, 3e38, torch.inf])
def test_the_values_are_clamps_however_far_outside(value: float) -> None:
    x = torch.tensor([value, -value, 0.3], requires_grad=True)
    clipped = straight_through_clip(x, (0.0, 1.0))
    assert torch.equal(clipped, torch.tensor([1.0, 0.0, 0.3]))
    (grad,) = torch.autograd.grad(clipped.sum(), x)
    assert grad.tolist() == [float(value < torch.inf)] * 2 + [1.0]


def test_without_bounds_nothing_happens() -> None:
    x = torch.randn(3)
    assert straight_through_clip(x, None) is x


def test_images_hold_whole_grey_values() -> None:
    x = torch.rand(1000)
    for levels in (2, 17, 256, 65536):
        y = as_image(x, levels)
        assert torch.equal(y, (y * (levels - 1)).round() / (levels - 1))
        assert (y - x).abs().max() <= 0.5 / (levels - 1) + 1e-7
    assert as_image(x, None) is x


def test_what_is_far_out_is_clipped_exactly() -> None:
    x = torch.tensor([1e8, -3e38, torch.inf, 0.3], requires_grad=True)
    assert straight_through_clip(x, (0.0, 1.0)).tolist() == [1.0, 0.0, 1.0, pytest.approx(0.3)]
