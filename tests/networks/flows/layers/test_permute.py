import copy

import pytest
import torch

from networks.flows import Permute


@pytest.mark.parametrize("shape", [(5,), (4, 3, 2)])
def test_round_trip_and_determinant(shape: tuple[int, ...]) -> None:
    layer = Permute([shape], seed=3)
    x = torch.randn(4, *shape)
    (z,), log_det = layer([x])
    (back,), _ = layer([z], rev=True)
    assert torch.equal(back, x) and not torch.equal(z, x)
    assert torch.equal(log_det, torch.zeros(4))


def test_never_the_identity_and_no_state() -> None:
    for seed in range(50):
        layer = Permute([(3,)], seed=seed)
        assert not torch.equal(layer.perm, torch.arange(3))
        assert not layer.state_dict()
    assert torch.equal(copy.deepcopy(layer).perm, layer.perm)


def test_leaves_the_global_random_state_alone() -> None:
    before = torch.get_rng_state()
    Permute([(64,)], seed=1)
    assert torch.equal(torch.get_rng_state(), before)
