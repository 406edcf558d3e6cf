import torch

from networks.flows import LUConv
from tests.networks.flows.identities import check_start_and_beyond


def test_identities() -> None:
    check_start_and_beyond(LUConv([(4, 4, 6)]))


def test_lu_starts_as_a_rotation_and_leaves_the_random_state_alone() -> None:
    state = torch.get_rng_state()
    layer = LUConv([(6, 1, 1)])
    assert torch.equal(torch.get_rng_state(), state)
    w = layer._compute_weight()
    assert torch.allclose(w @ w.T, torch.eye(6), atol=1e-5)
    assert torch.allclose(layer([torch.randn(2, 6, 1, 1)])[1], torch.zeros(2), atol=1e-5)
