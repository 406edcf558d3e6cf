"""The grid of single edits: which attribute is changed where, and to what."""

from pathlib import Path

import pytest
import torch

from callbacks import Edits
from callbacks.figures.edits import edits
from networks import AttributeGenerator, InputError
from tests.support.runs import fit
from tests.support.trees import write_mnist

KNOWN = torch.tensor([[0.0, -10.0], [1.0, 0.0], [1.0, 10.0]])  # σ = 10 of the second


def generator() -> AttributeGenerator:
    torch.manual_seed(0)
    made = AttributeGenerator([1, 8, 8], ["hat", "tilt"], [4, 6]).eval()
    made.units.learn(KNOWN)
    return made


def test_every_attribute_is_changed_alone() -> None:
    made, x = generator(), torch.rand(2, 1, 8, 8)
    a = torch.tensor([[1.0, -10.0], [0.0, 5.0]])
    with torch.no_grad():
        grid = edits(made, x, a)
        assert torch.equal(grid[:, 0], x) and torch.allclose(grid[:, 1], made(x, a), atol=1e-6)
        assert torch.allclose(grid[:, 2], made(x, torch.tensor([[0.0, -10.0], [1.0, 5.0]])), atol=1e-6)
        tilted = torch.tensor([[1.0, 10.0], [0.0, -15.0]])  # up by 2σ, and down where that leaves the bounds
        assert torch.allclose(grid[:, 3], made(x, tilted), atol=1e-6)


def test_a_task_that_edits_nothing_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write_mnist(tmp_path / "data")
    with pytest.raises(InputError, match="ClassifierModule edits nothing"):
        fit("mnist/classifier.yaml", "--data.n_val=20", "--trainer.callbacks+=callbacks.Edits")
    with pytest.raises(InputError, match="num_samples must be positive"):
        Edits(num_samples=0)
