import pytest
import torch
from torch import nn

from counterfactuals import Ascent, ReachAll, Status, explain
from networks import Committee, InputError


def test_the_least_convinced_member_speaks() -> None:
    members = [nn.Linear(4, 3) for _ in range(3)]
    x = torch.randn(5, 4)
    p = torch.stack([m(x).softmax(1) for m in members]).amin(0)
    assert torch.allclose(Committee(members)(x).exp(), p)


def test_all_change_their_minds(linear_chart) -> None:
    members = [nn.Linear(6, 3) for _ in range(3)]
    for member in members:
        nn.init.orthogonal_(member.weight)
    x = torch.randn(30, 6)
    cf = explain(Committee(members), linear_chart, x, 1, Ascent(clip=None), ReachAll(0.8))
    assert cf.flipped.sum() > 10
    for member in members:
        assert (member(cf.counterfactual[cf.flipped]).softmax(1)[:, 1] > 0.8).all()
    settled = cf.status == Status.ALREADY_TARGET
    assert all((member(x[settled]).argmax(1) == 1).all() for member in members)


def test_mistakes() -> None:
    with pytest.raises(InputError, match="at least one member"):
        Committee([])
    with pytest.raises(InputError, match=r"shapes \[\(2, 3\), \(2, 2\)\]"):
        Committee([nn.Linear(4, 3), nn.Linear(4, 2)])(torch.randn(2, 4))
