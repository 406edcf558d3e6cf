import pytest
import torch
from scipy.spatial.distance import jensenshannon

from metrics import label_variation


def test_against_scipy() -> None:
    before, after = torch.randn(8, 5), 3 * torch.randn(8, 5)
    expected = [jensenshannon(p, q, base=2) ** 2 for p, q in zip(before.softmax(1), after.softmax(1), strict=True)]
    assert label_variation(before, after).tolist() == pytest.approx(expected, abs=1e-5)


def test_ends() -> None:
    certain = torch.tensor([[90.0, -90.0]])
    assert float(label_variation(certain, certain)) == 0
    assert float(label_variation(certain, -certain)) == pytest.approx(1)
