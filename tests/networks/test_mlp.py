import torch

from networks import MLP
from networks.mlp import gated_mlp


def test_without_hidden_layers_it_is_linear() -> None:
    net = MLP([1, 4, 4], 3, hidden=[], mean=0.0, std=1.0)
    a, b = torch.rand(2, 5, 1, 4, 4)
    middle = net(0.5 * a + 0.5 * b)
    assert torch.allclose(middle, 0.5 * net(a) + 0.5 * net(b), atol=1e-6)
    assert net.num_features == 16


def test_normalises_inside() -> None:
    x = torch.rand(5, 1, 4, 4)
    inside = MLP([1, 4, 4], 3, mean=0.2, std=0.5)
    outside = MLP([1, 4, 4], 3, mean=0.0, std=1.0)
    outside.load_state_dict(inside.state_dict())
    assert torch.allclose(inside(x), outside((x - 0.2) / 0.5), atol=1e-6)


def test_gated_layers_are_linear_times_a_sigmoid() -> None:
    network, x = gated_mlp([5, 4, 3]), torch.randn(6, 5)
    for layer in network:
        w, v = layer[0].weight.chunk(2)
        b, c = layer[0].bias.chunk(2)
        x_next = (x @ w.T + b) * (x @ v.T + c).sigmoid()
        assert torch.allclose(layer(x), x_next, atol=1e-6)
        x = x_next
    assert x.shape == (6, 3)
