"""How much of a change lies inside a part of the image."""

from pathlib import Path

import pytest
import torch
from PIL import Image

from benchmarks.where import main, read_mask, rows_mask, share_inside
from networks import InputError
from results.reader import Results
from tests.report.synthetic import write_run


def test_a_share_is_of_each_image_and_counts_both_signs() -> None:
    x = torch.full((3, 2, 4, 4), 0.5)
    changed = x.clone()
    changed[0, 0, 0, 0] += 0.3  # inside
    changed[0, 1, 3, 3] -= 0.1  # outside
    changed[1, :, 2] += 0.2  # all of it outside
    share = share_inside(x, changed, rows_mask([2, 4, 4], 0, 2))
    assert torch.allclose(share[:2], torch.tensor([0.75, 0.0])) and share[2].isnan()


def test_the_table_is_of_what_flipped(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = write_run(tmp_path / "run", n=60, size=8, others=("paper_control",))
    main([str(folder), "--rows", "0", "4"])
    header, _, *rows = capsys.readouterr().out.splitlines()
    run = Results(folder)
    assert header == "| | n | area | counterfactual | paper_control | control | brighter inside, outside |"
    assert len(rows) == len(list(run.pairs()))
    (pair, chosen), row = next(iter(run.pairs())), rows[0]
    share = share_inside(run.tensor("x")[chosen], run.tensor("counterfactual")[chosen], rows_mask(run.shape, 0, 4))
    assert row.startswith(f"| run: {pair} | {len(chosen)} | 50.0% | {share.mean():.1%} (")
    change = 255 * (run.tensor("counterfactual")[chosen] - run.tensor("x")[chosen])
    assert row.endswith(f" | {change[..., :4, :].mean():+.1f}, {change[..., 4:, :].mean():+.1f} |")


def test_a_run_without_the_papers_control(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main([str(write_run(tmp_path / "run", n=20, size=8)), "--rows", "0", "4"])
    row = capsys.readouterr().out.splitlines()[2]
    assert row.split(" | ")[4] == "–" and "%" in row.split(" | ")[5]


def test_parts_that_are_not_of_the_image_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="0 to 8, first before end; got 4 9"):
        rows_mask([1, 8, 8], 4, 9)
    Image.new("L", (8, 6)).save(tmp_path / "mask.png")
    with pytest.raises(InputError, match="is 6×8, and the images are 8×8"):
        read_mask(tmp_path / "mask.png", [1, 8, 8])
    with pytest.raises(InputError, match="cannot be read as a picture"):
        read_mask(tmp_path / "none.png", [1, 8, 8])
