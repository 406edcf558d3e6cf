import pytest
import torch
from torch import nn

from networks import CNN, Features, InputError


def test_stays_in_evaluation_mode() -> None:
    """torchmetrics' FID never calls eval(): BatchNorm's statistics would drift with what is measured."""
    features = Features(CNN([1, 8, 8], 3, widths=[4]))
    features.train()
    before = {k: v.clone() for k, v in features.state_dict().items()}
    features(torch.rand(16, 1, 8, 8))
    assert all(torch.equal(v, before[k]) for k, v in features.state_dict().items())
    assert not any(p.requires_grad for p in features.parameters())


def test_needs_a_network_with_features() -> None:
    with pytest.raises(InputError, match="Linear cannot extract features"):
        Features(nn.Linear(3, 3))
