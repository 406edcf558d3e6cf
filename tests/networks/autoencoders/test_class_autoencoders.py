import pytest
import torch
from torch import nn

from networks import ClassAutoencoders, ConvAutoencoder, InputError


def three() -> ClassAutoencoders:
    return ClassAutoencoders(lambda: ConvAutoencoder([1, 8, 8], [4, 8], 3), num_classes=3)


def test_every_sample_goes_through_the_autoencoder_of_its_class() -> None:
    autoencoders, x, y = three(), torch.rand(7, 1, 8, 8), torch.tensor([2, 0, 2, 0, 0, 2, 2])
    expected = torch.cat([autoencoders.by_class[c](x[i : i + 1]) for i, c in enumerate(y.tolist())])
    assert torch.allclose(autoencoders(x, y), expected, atol=1e-6)
    assert autoencoders.shape == (1, 8, 8)


def test_a_class_that_is_not_named_gets_a_gradient_of_zero() -> None:
    """And not none, for which distributed training would wait."""
    autoencoders = three()
    autoencoders(torch.rand(4, 1, 8, 8), torch.tensor([2, 0, 2, 0])).sum().backward()
    any_gradient = [
        [bool(p.grad.any()) for p in autoencoder.parameters() if p.grad is not None]
        for autoencoder in autoencoders.by_class
    ]
    n = len(list(autoencoders.overall.parameters()))
    assert any_gradient == [[True] * n, [False] * n, [True] * n]


def test_works_under_lower_precision() -> None:
    autoencoders, x, y = three(), torch.rand(4, 1, 8, 8), torch.tensor([2, 0, 2, 0])
    with torch.autocast("cpu", torch.bfloat16):
        low = autoencoders(x, y)
    assert torch.allclose(low.float(), autoencoders(x, y), atol=0.02)


def test_the_autoencoders_share_nothing() -> None:
    autoencoders = ClassAutoencoders(lambda: nn.Linear(4, 4), num_classes=2)
    weights = [m.weight for m in (*autoencoders.by_class, autoencoders.overall)]
    assert not torch.equal(weights[0], weights[1]) and not torch.equal(weights[0], weights[2])
    assert autoencoders.shape is None


def test_needs_two_classes() -> None:
    with pytest.raises(InputError, match="at least two classes; num_classes is 0"):
        ClassAutoencoders(lambda: nn.Linear(4, 4), num_classes=0)
