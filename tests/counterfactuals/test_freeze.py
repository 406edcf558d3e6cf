import pytest
from torch import nn

from counterfactuals.freeze import frozen


def test_restores_modes_and_flags_even_after_an_error() -> None:
    net = nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2))
    net[1].eval()
    net[0].bias.requires_grad_(False)
    with pytest.raises(KeyError), frozen(net):
        assert not net.training and not any(p.requires_grad for p in net.parameters())
        raise KeyError
    assert net.training and net[0].training and not net[1].training
    assert net[0].weight.requires_grad and not net[0].bias.requires_grad
