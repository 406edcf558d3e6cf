import pytest
import torch

from networks import InputError, UNet


def test_shapes_and_gradients_reach_every_parameter() -> None:
    net = UNet([1, 16, 24], widths=[4, 6, 8])
    counts, map_logits = net.count_and_map(torch.rand(5, 1, 16, 24))
    assert counts.shape == (5,) and map_logits.shape == (5, 1, 16, 24)
    (counts.sum() + map_logits.square().sum()).backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in net.parameters())


def test_counts_are_what_the_network_returns_and_samples_do_not_mix() -> None:
    net, x = UNet([3, 16, 16], widths=[4, 8]).eval(), torch.rand(6, 3, 16, 16)
    assert torch.equal(net(x), net.count_and_map(x).counts)
    assert torch.allclose(net(x)[:2], net(x[:2]), atol=1e-6)


def test_the_map_sees_what_the_count_sees() -> None:
    """A search must be able to change the count through the map: its gradient by the map's weights is not zero."""
    net = UNet([1, 16, 16], widths=[4, 8])
    net(torch.rand(4, 1, 16, 16)).sum().backward()
    assert net.to_map.weight.grad.abs().sum() > 0


def test_features_are_pooled_maps() -> None:
    net, x = UNet([1, 16, 16], widths=[4, 8]).eval(), torch.rand(2, 1, 16, 16)
    assert net.feature_maps(x).shape == (2, 8, 8, 8) and net.num_features == 8
    assert torch.allclose(net.features(x), net.feature_maps(x).mean((2, 3)))


def test_refuses_sizes_that_cannot_be_halved() -> None:
    with pytest.raises(InputError, match=r"20×16 cannot be halved 3 times: .* multiples of 8"):
        UNet([1, 20, 16])


def test_nobody_is_nobody_and_still_has_a_gradient() -> None:
    """Whatever the features say, a count hardly falls below zero, and a search can climb from there."""
    net, x = UNet([1, 16, 16], widths=[4, 8]).eval(), torch.rand(2, 1, 16, 16).requires_grad_()
    torch.nn.init.constant_(net.to_count[2].bias, -50.0)
    counts = net(x)
    assert ((counts < 0) & (counts > -1)).all()
    assert torch.autograd.grad(counts.sum(), x)[0].abs().sum() > 0
