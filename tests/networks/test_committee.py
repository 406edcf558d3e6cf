import copy

import pytest
import torch
from torch import nn

from counterfactuals import Ascent, LatentSearch, PixelChart, ReachAll, Status, explain
from counterfactuals.goals.objectives import unanimous
from networks import Adapter, Committee, InputError


def test_the_least_convinced_member_speaks() -> None:
    members = [nn.Linear(4, 3) for _ in range(3)]
    x = torch.randn(5, 4)
    p = torch.stack([m(x).softmax(1) for m in members]).amin(0)
    assert torch.allclose(Committee(members)(x).exp(), p)


@pytest.fixture
def nearly_undecided() -> tuple[Committee, torch.Tensor]:
    """Three members of ten classes, and 50 samples that all of them give class 4, with less than a half."""
    torch.manual_seed(0)
    first = nn.Linear(6, 10)
    members = [first, *(copy.deepcopy(first) for _ in range(2))]
    for member in members[1:]:
        member.weight.data += 0.02 * torch.randn(10, 6)
    x = torch.randn(4000, 6)
    p = torch.stack([member(x).softmax(1) for member in members])
    return Committee(members), x[((p.argmax(2) == 4) & (p[..., 4] < 0.5)).all(0)][:50].detach()


def test_what_all_members_say_already_is_not_searched_for(nearly_undecided, linear_chart) -> None:
    committee, x = nearly_undecided
    assert len(x) == 50
    for predictor in (committee, Adapter(committee, own_copy=True)):
        cf = explain(predictor, linear_chart, x, 4, Ascent(clip=None, max_steps=3), ReachAll(0.9))
        assert (cf.status == Status.ALREADY_TARGET).all()


def test_a_target_of_most_members_is_searched_for() -> None:
    """The smallest probabilities say class 0 where one member says class 1."""
    members = [nn.Linear(2, 3), nn.Linear(2, 3)]
    for member, p in zip(members, ([0.90, 0.05, 0.05], [0.45, 0.46, 0.09]), strict=True):
        member.weight.data.zero_()
        member.bias.data = torch.tensor(p).log()
    committee, x = Committee(members), torch.zeros(2, 2)
    assert committee(x).argmax(1).tolist() == [0, 0] and not committee.agreed(x).any()
    assert unanimous(committee, x, torch.tensor([0, 1])).tolist() == [False, False]
    assert unanimous(members[0], x, torch.tensor([0, 1])).tolist() == [True, True]
    cf = explain(committee, PixelChart([2]), x, 0, LatentSearch(max_steps=2, clip=None), ReachAll(0.6))
    assert (cf.status == Status.TIMEOUT).all()


def test_classes_of_a_committee_are_brought_into_the_order_of_the_data(nearly_undecided) -> None:
    committee, x = nearly_undecided
    adapter = Adapter(committee, outputs="logits")
    adapter.order = torch.arange(9, -1, -1)
    assert torch.equal(adapter.agreed(x), committee.agreed(x).flip(1)) and adapter.agreed(x)[:, 5].all()


def test_all_change_their_minds(linear_chart) -> None:
    members = [nn.Linear(6, 3) for _ in range(3)]
    for member in members:
        nn.init.orthogonal_(member.weight)
    x = torch.randn(30, 6)
    cf = explain(Committee(members), linear_chart, x, 1, Ascent(clip=None), ReachAll(0.8))
    assert cf.flipped.sum() > 10
    for member in members:
        assert (member(cf.counterfactual[cf.flipped]).softmax(1)[:, 1] > 0.8).all()
    already_reached = cf.status == Status.ALREADY_TARGET
    assert all((member(x[already_reached]).argmax(1) == 1).all() for member in members)


def test_mistakes() -> None:
    with pytest.raises(InputError, match="at least one member"):
        Committee([])
    with pytest.raises(InputError, match=r"shapes \[\(2, 3\), \(2, 2\)\]"):
        Committee([nn.Linear(4, 3), nn.Linear(4, 2)])(torch.randn(2, 4))
