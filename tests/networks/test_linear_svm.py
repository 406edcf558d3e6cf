import pytest
import torch

from networks import InputError, LinearSVM


@pytest.mark.parametrize("classes", [2, 3])
def test_learns_what_is_linear(classes: int) -> None:
    x = torch.rand(600, 1, 3, 3)
    y = (x.flatten(1) @ torch.randn(9, classes)).argmax(1)
    svm = LinearSVM(alpha=1e-4)
    svm.fit(x[:500], y[:500])
    logits = svm(x[500:])
    assert logits.shape == (100, classes) and (logits.argmax(1) == y[500:]).float().mean() > 0.9


def test_the_same_again() -> None:
    x, y = torch.rand(100, 4), torch.arange(100) % 2
    first, second = LinearSVM(), LinearSVM()
    first.fit(x, y)
    torch.manual_seed(5)
    second.fit(x, y)
    assert torch.equal(first.weight, second.weight) and torch.equal(first.bias, second.bias)


def test_before_it_has_learnt() -> None:
    with pytest.raises(InputError, match="has learnt nothing yet"):
        LinearSVM()(torch.rand(2, 4))
