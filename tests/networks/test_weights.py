import torch
from torch import nn

from networks.weights import weights_hash


def test_weights_are_told_apart() -> None:
    a, b = nn.Linear(3, 2), nn.Linear(3, 2)
    assert weights_hash(a) != weights_hash(b)
    b.load_state_dict(a.state_dict())
    assert weights_hash(a) == weights_hash(b)
    assert weights_hash(nn.Linear(3, 2).to(torch.bfloat16)) != weights_hash(a)
