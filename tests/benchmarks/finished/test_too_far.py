"""How many counterfactuals are beyond what a model says of real images."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from benchmarks.finished.too_far import beyond, judged, margins_by_class
from results.reader import Results
from tests.report.synthetic import write_run


class Brightness(nn.Module):
    """Logits 0 and ten times the mean less 5: class 1 is bright."""

    def forward(self, x: Tensor) -> Tensor:
        mean = x.flatten(1).mean(1)
        return torch.stack([torch.zeros_like(mean), 10 * mean - 5], 1)


def test_beyond_is_above_most_real_images_of_the_class(tmp_path: Path) -> None:
    run = Results(write_run(tmp_path / "run", n=40, size=8))
    grey = torch.linspace(0, 1, 101)[:, None, None, None].expand(-1, 1, 8, 8)
    margins = margins_by_class(Brightness(), grey)
    assert [len(m) for m in margins] == [51, 50] and float(margins[1].max()) == pytest.approx(5)
    rows, x = np.arange(4), run.tensor("counterfactual").clone()
    run.table["target"] = 1
    for row, value in enumerate((0.6, 0.9, 0.99, 1.0)):
        x[row] = value
    run.tensor = lambda name: x  # type: ignore[method-assign]
    assert beyond(Brightness(), run, "", rows, margins).startswith("50.0% ("), "95 % of them are up to 0.976"
    run.table["certificate"], run.table["grain"] = "green", 0.5
    run.table.loc[0, "certificate"] = "red"
    assert judged(run, "", rows) == "25.0% | 0.50"
