"""What the papers' experiments print."""

import json
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from benchmarks.papers import charts
from benchmarks.papers.introspection import Judges, share, third_digits


class Brightest(nn.Module):
    """The class of an image is the place of its largest value."""

    def forward(self, x: Tensor) -> Tensor:
        return x.flatten(1)


def test_third_digits_are_those_that_are_neither_the_source_nor_the_target() -> None:
    path = torch.eye(5).view(5, 1, 1, 5)
    assert third_digits(Brightest(), path, 0, 4) == {1, 2, 3}
    assert third_digits(Brightest(), path[[0, 0, 4]], 0, 4) == set()


def test_shares_are_those_of_the_targets() -> None:
    x = torch.eye(4).view(4, 1, 1, 4)
    judges = Judges({"model": Brightest()}, x, torch.tensor([0, 1, 1, 1]))
    found = judges.row(x, torch.tensor([0, 1, 2, 0]))
    assert found == pytest.approx({"model": 0.75, "neighbour": 0.5, "distance to it": 0.0})
    assert share(torch.tensor([True, False])) == 0.5


def test_a_row_a_chart(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    summary = {"n": 3, "flip_rate": 1.0, "ssim": 0.5, "control": {"flip_rate": 0.5, "ssim": 0.25}}
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "summary.json").write_text(json.dumps(summary))
        summary = {"n": 4, "flip_rate": 0.5}
    charts.main([str(tmp_path / "a"), str(tmp_path / "b")])
    head, _, first, second = capsys.readouterr().out.splitlines()
    assert head == "| (control) | n | flips | SSIM |"
    assert (first, second) == ("| a | 3 | 100.0% | 0.500 (0.250) |", "| b | 4 | 50.0% | – |")
