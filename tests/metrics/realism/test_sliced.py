import torch

from metrics.realism.sliced import sliced_wasserstein


def test_equal_sets_are_at_no_distance_and_the_order_of_images_is_nothing() -> None:
    x = torch.rand(16, 3, 64, 48)
    assert float(sliced_wasserstein(x, x)) == 0
    flat = torch.full((16, 1, 8, 8), 0.3)
    assert float(sliced_wasserstein(flat, flat)) == 0


def test_what_differs_more_is_further_away() -> None:
    torch.manual_seed(0)
    real, other = torch.rand(64, 1, 32, 32), torch.rand(64, 1, 32, 32)
    smooth = torch.nn.functional.avg_pool2d(other, 3, 1, 1)
    near, brighter, far = (float(sliced_wasserstein(real, made)) for made in (other, 0.2 + 0.8 * other, smooth))
    assert near < brighter and near < far and near < 0.1


def test_a_shift_is_the_distance() -> None:
    """Along a direction u of N(0, 1) patches it is |Σu| times the shift, in the real ones' deviations."""
    torch.manual_seed(0)
    real = torch.rand(200, 1, 16, 16)
    shifted = float(sliced_wasserstein(real, real + 0.5 / 12**0.5))
    directions = torch.randn(49, 100_000)
    expected = 0.5 * (directions / directions.norm(dim=0)).sum(0).abs().mean()
    assert abs(shifted / float(expected) - 1) < 0.15
