import pytest
import torch

from networks import CNN


@pytest.mark.parametrize("shape", [(1, 8, 8), (3, 17, 12)])
def test_shapes_and_features(shape: tuple[int, int, int]) -> None:
    net = CNN(shape, num_classes=4, widths=[6, 7]).eval()
    x = torch.rand(3, *shape)
    assert net(x).shape == (3, 4)
    assert net.features(x).shape == (3, net.num_features)
    assert torch.allclose(net.head(net.features(x)), net(x))


def test_every_parameter_gets_a_gradient() -> None:
    net = CNN([1, 8, 8], num_classes=3, widths=[4, 4])
    net(torch.rand(5, 1, 8, 8)).square().sum().backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in net.parameters())
