import copy
from pathlib import Path

import pytest
import torch

from networks.flows import ActNorm
from tests.networks.flows.identities import check_start_and_beyond
from tests.support.ranks import on_ranks


def initialized(x: torch.Tensor) -> ActNorm:
    layer = ActNorm([tuple(x.shape[1:])]).train()
    layer([x])
    return layer


def skewed(n: int) -> torch.Tensor:
    return 3.0 + torch.tensor([0.5, 20.0])[:, None, None] * torch.randn(n, 2, 4, 4)


@pytest.mark.parametrize("dims", [(4, 4, 6), (5,)])
def test_identities(dims: tuple[int, ...]) -> None:
    check_start_and_beyond(ActNorm([dims]))


def test_the_first_training_batch_becomes_standard() -> None:
    x = skewed(64)
    (z,), _ = initialized(x)([x])
    assert z.mean((0, 2, 3)).abs().max() < 1e-5
    assert (z.std((0, 2, 3), correction=0) - 1).abs().max() < 1e-4


def test_a_constant_channel_stays_finite() -> None:
    x = torch.full((8, 2, 4, 4), 0.3)
    (z,), log_det = initialized(x)([x])
    assert z.isfinite().all() and log_det.isfinite().all()


def test_only_the_first_forward_pass_in_training_initialises() -> None:
    layer = ActNorm([(2, 4, 4)])
    layer.eval()([skewed(4)])  # Lightning's sanity check
    layer.train()([skewed(4)], rev=True)
    assert not layer.first_batch.initialized
    layer([skewed(4)])
    bias = layer.bias.clone()
    layer([100 + skewed(4)])
    assert layer.first_batch.initialized and torch.equal(layer.bias, bias)


def test_copies_and_reloads_know_whether_they_are_initialised() -> None:
    layer = initialized(skewed(16))
    copied, loaded = copy.deepcopy(layer), ActNorm([(2, 4, 4)]).train()
    loaded.load_state_dict(layer.state_dict())
    for other in (copied, loaded):
        other([100 + skewed(4)])
        assert torch.equal(other.bias, layer.bias)
    # and one that is set back to its start is initialised anew
    layer.load_state_dict(ActNorm([(2, 4, 4)]).state_dict())
    layer([100 + skewed(4)])
    assert layer.bias.max() < -90


def _on_rank(rank: int, folder: str, x: torch.Tensor) -> None:
    layer = initialized(x[rank::2])
    torch.save(layer.state_dict(), f"{folder}/{rank}.pt")


def test_two_ranks_start_equal_and_like_one(tmp_path: Path) -> None:
    x = torch.cat([skewed(8), 50 + skewed(9)])  # of different size and kind on the two ranks
    on_ranks(2, _on_rank, tmp_path, str(tmp_path), x)
    one = initialized(x).state_dict()
    first, second = (torch.load(tmp_path / f"{rank}.pt", weights_only=True) for rank in (0, 1))
    for name in one:
        assert torch.equal(first[name], second[name])
        assert torch.allclose(first[name].float(), one[name].float(), atol=1e-5), name
