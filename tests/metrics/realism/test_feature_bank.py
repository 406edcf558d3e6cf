from pathlib import Path

import torch

from metrics import FeatureBank
from tests.support.ranks import on_ranks


def test_batches_are_joined() -> None:
    """In the order of their keys, whatever order they came in."""
    x, keys = torch.randn(7, 3), torch.tensor([[0, 0], [0, 1], [1, 0], [2, 0], [2, 1], [2, 2], [5, 0]])
    for order in (torch.arange(7), torch.randperm(7)):
        bank = FeatureBank(3)
        for part in order.split(2):
            bank.update(x[part], keys[part])
        found = bank.compute()
        assert torch.equal(found.features, x) and torch.equal(found.keys, keys)
    assert FeatureBank(3).compute().features.shape == (0, 3)


def _on_rank(rank: int, results: str) -> None:
    bank = FeatureBank(2)
    bank.update(torch.zeros(0, 2), torch.zeros(0, 2, dtype=torch.int64))
    for batch in range(rank):  # rank 0 has none, rank 2 has two
        n = batch + 1
        keys = torch.stack([torch.full((n,), -rank), torch.arange(n) + 10 * batch], 1)
        bank.update(torch.full((n, 2), float(10 * rank + batch)), keys)
    torch.save(bank.compute().features, f"{results}/{rank}.pt")


def test_ranks_of_unequal_batches(tmp_path: Path) -> None:
    on_ranks(3, _on_rank, tmp_path, str(tmp_path))
    gathered = [torch.load(tmp_path / f"{rank}.pt")[:, 0].tolist() for rank in range(3)]
    assert gathered == [[20.0, 21.0, 21.0, 10.0]] * 3, "by their keys, not by their ranks"
