import pytest
import torch

from metrics import im1, im2


def test_im1_by_hand() -> None:
    """Errors (0.5, 0, 0.5) against (1, 0, 0): ½ / 1. And the other way round 1 / ½."""
    x = torch.tensor([[1.0, 0.5, 0.0]]).view(1, 1, 1, 3)
    near, far = x + torch.tensor([0.5, 0, -0.5]), x + torch.tensor([1.0, 0, 0])
    assert im1(x, near, far).tolist() == pytest.approx([0.5], rel=1e-5)
    assert im1(x, far, near).tolist() == pytest.approx([2.0], rel=1e-5)
    assert im1(x, near, far, epsilon=1.0).tolist() == pytest.approx([0.25])


def test_im1_of_perfect_and_of_equal_autoencoders() -> None:
    x, constant = torch.rand(5, 1, 4, 4), torch.full((5, 1, 4, 4), 0.5)
    assert im1(x, to_target=x, to_source=constant).tolist() == [0] * 5
    assert torch.allclose(im1(x, constant, constant), torch.ones(5), atol=1e-5)
    assert im1(x, x, x).tolist() == [0] * 5, "0 / ε, not 0 / 0"


def test_im2_by_hand() -> None:
    """‖(0.5, −0.5)‖² / (1 + 3) = 1/8."""
    x, to_target, to_all = torch.tensor([[-1.0, 3.0]]), torch.tensor([[0.5, 0.0]]), torch.tensor([[0.0, 0.5]])
    assert im2(x, to_target, to_all).tolist() == pytest.approx([0.125], rel=1e-5)
    assert im2(x, to_all, to_all).tolist() == [0]
    black = torch.zeros(1, 2)
    assert im2(black, to_target, to_all, epsilon=0.5).tolist() == pytest.approx([1.0])


def test_im2_is_lower_for_brighter_images_of_the_same_disagreement() -> None:
    x, difference = torch.full((1, 4), 0.2), torch.tensor([[0.1, -0.1, 0.0, 0.0]])
    dark, bright = (im2(v, v + difference, v) for v in (x, 4 * x))
    assert torch.allclose(dark, 4 * bright, rtol=1e-4)


def test_every_sample_is_its_own() -> None:
    x, a, b = torch.rand(3, 6, 1, 4, 4)
    x[2] = torch.nan
    others = [0, 1, 3, 4, 5]
    for metric in (im1, im2):
        values = metric(x, a, b)
        assert values.shape == (6,) and values[2].isnan() and values[others].isfinite().all()
        assert torch.equal(values[4:5], metric(x[4:5], a[4:5], b[4:5]))
