from pathlib import Path

import pandas as pd
import torch

from report.figures.pairs import confusion, mean_changes
from results.reader import Results
from tests.report.synthetic import write_run


def test_confusion_counts_what_was_searched(tmp_path: Path) -> None:
    results = Results(write_run(tmp_path / "run", n=10, size=8, classes=2))
    results.table = pd.DataFrame(
        {
            "source": [0, 0, 0, 1, 1],
            "target": [1, 1, 1, 0, 0],
            "status": ["flipped", "timeout", "already_target", "flipped", "flipped"],
        }
    )
    found = confusion(results)
    assert found is not None and found.sources == found.targets == ["class 0", "class 1"]
    assert found.cells == [[None, (2, 0.5)], [(2, 1.0), None]]
    results.class_names = []
    assert confusion(results) is None


def test_mean_changes_are_means_over_flipped_rows(tmp_path: Path) -> None:
    results = Results(write_run(tmp_path / "run", n=1100, size=8, classes=2, texture=0.2))
    change = results.tensor("counterfactual") - results.tensor("x")
    for found, (pair, rows) in zip(mean_changes(results), results.pairs(), strict=True):
        pictures = {name: image for name, image, _ in found.pictures}
        assert found.pair == pair and found.flipped == len(rows) > 400
        assert torch.allclose(pictures["mean x"], results.tensor("x")[rows].mean(0), atol=1e-5)
        assert torch.allclose(pictures["mean change"], change[rows].mean(0), atol=1e-5)
        assert torch.allclose(pictures["mean |change|"], change[rows].abs().mean(0), atol=1e-5)
