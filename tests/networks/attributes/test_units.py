import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from networks.attributes import AttributeUnits, is_binary
from networks.errors import InputError

#: a binary attribute, a measured one, and a measured one that is sometimes 0 or 1
KNOWN = torch.tensor([[0.0, 10.0, 0.0], [1.0, 14.0, 1.0], [1.0, 12.0, 0.5], [0.0, 20.0, 1.0]])


def learnt(known: Tensor = KNOWN) -> AttributeUnits:
    units = AttributeUnits(["Young", "slant", "share"])
    units.learn(known)
    return units


def test_kinds_units_and_bounds_are_those_of_the_training() -> None:
    units = learnt()
    assert units.binary.tolist() == [True, False, False] == is_binary(KNOWN).tolist()
    assert units.centre.tolist() == [0.5, 14.0, 0.625]
    assert units.scale.tolist() == pytest.approx([0.5, (56 / 3) ** 0.5, KNOWN[:, 2].std().item()])
    assert units.low.tolist() == [0, 10, 0] and units.high.tolist() == [1, 20, 1]


def test_until_then_all_are_there_or_not() -> None:
    units = AttributeUnits(["Young", "Bald"])
    assert units.binary.all() and units.taken(torch.tensor([[0.0, 1.0]])).tolist() == [[-1, 1]]
    assert units.within(torch.tensor([[-2.0, 2.0]])).tolist() == [[0, 1]]


def test_networks_take_numbers_around_zero() -> None:
    taken = learnt().taken(KNOWN)
    assert taken[:, 0].tolist() == [-1, 1, 1, -1]
    assert torch.allclose(taken[:, 1:].mean(0), torch.zeros(2), atol=1e-6)
    assert torch.allclose(taken[:, 1:].std(0), torch.ones(2))


def test_what_is_said_is_read_in_own_units() -> None:
    units = learnt()
    said = units.taken(KNOWN)
    said[:, 0] = torch.logit(torch.tensor([0.1, 0.9, 0.5, 0.3]))
    read = units.read(said)
    assert torch.allclose(read[:, 1:], KNOWN[:, 1:], atol=1e-6)
    assert read[:, 0].tolist() == pytest.approx([0.1, 0.9, 0.5, 0.3])


def test_networks_numbers_are_own_units_again() -> None:
    units = learnt()
    assert torch.allclose(units.own(units.taken(KNOWN)), KNOWN, atol=1e-6)
    assert torch.equal(units.own(torch.tensor([[-1.0, 0.0, 0.0], [1.0, 0.0, 0.0]]))[:, 0], torch.tensor([0.0, 1.0]))


def test_at_a_bound_there_is_a_gradient() -> None:
    """However its number is rounded on the way there and back."""
    units = AttributeUnits([str(i) for i in range(400)])
    units.learn(torch.randn(50, 400) * 10 * torch.rand(400) + 5 * torch.randn(400))
    for bound in (units.low, units.high):
        z = units.taken(bound)[None].requires_grad_()
        (grad,) = torch.autograd.grad(units.own(z).sum(), z)
        assert torch.equal(grad[0], units.scale)


def test_nothing_leaves_the_bounds() -> None:
    units = learnt()
    far = torch.tensor([[-200.0, -200.0, -200.0], [200.0, 200.0, 200.0]])
    assert units.read(far).tolist() == units.within(far).tolist() == [[0, 10, 0], [1, 20, 1]]
    assert torch.allclose(units.own(far), torch.tensor([[0.0, 10.0, 0.0], [1.0, 20.0, 1.0]]), atol=1e-5)


def test_the_loss_against_torchs() -> None:
    units, said = learnt(), 3 * torch.randn(4, 3)
    loss = units.loss(said, KNOWN)
    assert torch.allclose(loss[:, 0], F.binary_cross_entropy_with_logits(said[:, 0], KNOWN[:, 0], reduction="none"))
    expected = F.mse_loss(said, (KNOWN - units.centre) / units.scale, reduction="none")
    assert torch.allclose(loss[:, 1:], expected[:, 1:])


def test_half_precision_is_judged_in_single() -> None:
    units, said = learnt(), torch.randn(4, 3)
    assert units.loss(said.bfloat16(), KNOWN).dtype == torch.float32


def test_they_are_saved() -> None:
    units, other = learnt(), AttributeUnits(["Young", "slant", "share"])
    other.load_state_dict(units.state_dict())
    assert torch.equal(other.binary, units.binary) and torch.equal(other.taken(KNOWN), units.taken(KNOWN))


def test_what_nothing_can_be_learnt_of() -> None:
    known = KNOWN.clone()
    known[:, 0], known[1:3, 1] = 1, torch.nan
    with pytest.raises(InputError) as caught:
        learnt(known)
    assert "attribute Young is 1 in all 4 training images" in str(caught.value)
    assert "attribute slant is not known of 2 of 4 training images" in str(caught.value)
    assert "share" not in str(caught.value)


def test_names() -> None:
    with pytest.raises(InputError, match=r"the data has none; name them with --data\.attributes"):
        AttributeUnits([])
    with pytest.raises(InputError, match="attributes names 'Bald' twice"):
        AttributeUnits(["Bald", "Young", "Bald"])
