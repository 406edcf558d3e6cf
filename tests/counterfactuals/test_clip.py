import torch

from counterfactuals.clip import straight_through_clip


def test_clips_values_but_not_gradients() -> None:
    x = torch.tensor([-0.5, 0.25, 1.75], requires_grad=True)
    clipped = straight_through_clip(x, (0.0, 1.0))
    assert clipped.tolist() == [0.0, 0.25, 1.0]
    clipped.sum().backward()
    assert x.grad is not None and x.grad.tolist() == [1.0, 1.0, 1.0]


def test_without_bounds_nothing_happens() -> None:
    x = torch.randn(3)
    assert straight_through_clip(x, None) is x
