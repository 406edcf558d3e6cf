import pytest
import torch
from torch import multiprocessing as mp

from metrics import FeatureBank


def test_batches_are_joined() -> None:
    x, bank = torch.randn(7, 3), FeatureBank(3)
    for part in x.split(2):
        bank.update(part)
    assert torch.equal(bank.compute(), x)
    assert FeatureBank(3).compute().shape == (0, 3)


def _rank(rank: int, world_size: int, store: str, results: str) -> None:
    torch.distributed.init_process_group("gloo", f"file://{store}", rank=rank, world_size=world_size)
    bank = FeatureBank(2)
    bank.update(torch.zeros(0, 2))
    for batch in range(rank):  # rank 0 has none, rank 2 has two
        bank.update(torch.full((batch + 1, 2), float(10 * rank + batch)))
    torch.save(bank.compute(), f"{results}/{rank}.pt")
    torch.distributed.destroy_process_group()


@pytest.mark.slow
def test_ranks_of_unequal_batches(tmp_path) -> None:
    mp.spawn(_rank, (3, str(tmp_path / "store"), str(tmp_path)), nprocs=3)
    gathered = [torch.load(tmp_path / f"{rank}.pt")[:, 0].tolist() for rank in range(3)]
    assert gathered == [[10.0, 20.0, 21.0, 21.0]] * 3
