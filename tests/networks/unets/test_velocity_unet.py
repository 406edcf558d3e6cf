import pytest
import torch

from networks import InputError, VelocityUNet


def unet(**settings) -> VelocityUNet:
    net = VelocityUNet([1, 8, 8], **({"widths": [8, 16]} | settings))
    torch.nn.init.normal_(net.last.weight, std=0.1)
    return net


@pytest.mark.parametrize("settings", [{}, {"patch": 2}, {"blocks": 2}, {"widths": [8]}, {"num_conditions": 3}])
def test_shapes_and_gradients(settings: dict) -> None:
    net, x, t = unet(**settings), torch.randn(4, 1, 8, 8), torch.rand(4)
    condition = (torch.eye(3)[[0, 1, 2, 0]],) if settings.get("num_conditions") else ()
    v = net(x, t, *condition)
    assert v.shape == x.shape
    for p in net.parameters():  # the blocks' last layers start at zero and hide what is before them
        torch.nn.init.normal_(p, std=0.1)
    net(x, t, *condition).square().sum().backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in net.parameters())


def test_it_starts_as_no_movement_and_knows_the_time() -> None:
    x = torch.randn(3, 1, 8, 8)
    assert VelocityUNet([1, 8, 8], [8, 16])(x, torch.rand(3)).abs().max() == 0
    net = unet()
    for p in net.parameters():
        torch.nn.init.normal_(p, std=0.1)
    early, late = net(x, torch.tensor([0.1] * 3)), net(x, torch.tensor([0.9] * 3))
    assert (early - late).abs().max() > 1e-3


def test_samples_do_not_see_each_other() -> None:
    net, x, t = unet(), torch.randn(5, 1, 8, 8), torch.rand(5)
    assert torch.allclose(net(x, t)[2:3], net(x[2:3], t[2:3]), atol=1e-6)


def test_sizes_that_cannot_be_halved() -> None:
    with pytest.raises(InputError, match=r"10×8 cannot be halved 1 times after patches of 2.*multiples of 4"):
        VelocityUNet([1, 10, 8], [8, 16], patch=2)
