import ast
import io
from dataclasses import replace

import pytest
import torch
from matplotlib.colors import Normalize
from matplotlib.figure import Figure

from counterfactuals import InputError, show
from tests.support.runs import ROOT
from tests.support.searches import REASON, searches


def grid(figure: Figure, columns: int) -> list[list]:
    """The pictures, row by row; the last axes are the bar of colours."""
    drawn = [axes.images[0] for axes in figure.axes[:-1]]
    rows = len(drawn) // columns
    return [[drawn[column * rows + row] for column in range(columns)] for row in range(rows)]


def words(figure: Figure) -> list[str]:
    return [text.get_text() for text in figure.texts]


def limits(image) -> tuple[float, float]:
    norm: Normalize = image.norm
    return norm.vmin, norm.vmax


@pytest.mark.parametrize("shape", [(1, 8, 8), (3, 8, 8), (3, 224, 224), (1, 30, 10)])
def test_pictures_are_those_of_the_rows_and_changes_have_one_scale(shape: tuple[int, ...]) -> None:
    cf, control = searches(8, shape), searches(8, shape)
    control = replace(control, counterfactual=control.x + 0.01)
    shown = grid(show(cf, rows=[2, -1], control=control), 5)
    change = (cf.counterfactual - cf.x).mean(1)
    largest = change[[2, 7]].abs().max().item()
    assert len(shown) == 2
    for row, (x, x_prime, changed, other, other_changed) in zip([2, 7], shown, strict=True):
        for image, given in ((x, cf.x), (x_prime, cf.counterfactual), (other, control.counterfactual.clamp(0, 1))):
            drawn = torch.as_tensor(image.get_array()).reshape(*shape[1:], shape[0])
            assert torch.allclose(drawn.permute(2, 0, 1), given[row])
            assert shape[0] == 3 or limits(image) == (0, 1)
        assert torch.allclose(torch.as_tensor(changed.get_array()), change[row])
        assert torch.allclose(torch.as_tensor(other_changed.get_array()), torch.tensor(0.01), atol=1e-6)
        assert limits(changed) == limits(other_changed) == pytest.approx((-largest, largest))


def test_titles_say_what_was_asked_and_how_it_ended() -> None:
    figure = show(searches(4, (1, 8, 8)), class_names=["4", "$9", "<b>"])
    said = words(figure)
    assert said[1] == "4 → $9, p <0.001 → 0.991"
    assert said[2].endswith(", timeout") and said[3].endswith(", already target")
    assert said[4] == f"4 → $9, failed: {REASON}", "a number of a failed search says nothing"
    assert not any(text.get_parse_math() for text in figure.texts), "dollars in names are no formulas"
    assert figure.axes[-1].get_xlabel().startswith("x′ − x: red is brighter")
    values = searches(2, (1, 8, 8), source=torch.tensor([3.14159, 1]), target=torch.tensor([10.0, 2]))
    values = replace(values, prediction=torch.tensor([9.64, 1.5]))
    assert words(show(values))[1:3] == ["3.14 → 10, came to 9.64", "1 → 2, came to 1.5, timeout"]
    margins = searches(1, (1, 8, 8), source_confidence=torch.tensor([-2.5]), confidence=torch.tensor([1.25]))
    assert words(show(margins))[1] == "0 → 1, score -2.5 → 1.25", "no probability"


def test_no_word_runs_into_another_or_out_of_the_figure() -> None:
    cf = searches(4, (3, 20, 60))
    figure = show(cf, control=cf, class_names=["cardiomegaly, seen from the side", "no finding whatsoever", "W" * 40])
    figure.savefig(io.BytesIO(), dpi=figure.dpi)
    boxes = [text.get_window_extent() for text in [*figure.texts, figure.axes[-1].xaxis.label]]
    assert all(min(box.x0, box.y0) >= 0 and box.x1 < figure.bbox.x1 and box.y1 < figure.bbox.y1 for box in boxes)
    assert not [(a, b) for i, a in enumerate(boxes) for b in boxes[:i] if a.overlaps(b)]


def test_rows() -> None:
    cf = searches(10, (1, 8, 8))
    asked = {6: 6, 20: 10, 1: 1}
    for rows, n in asked.items():
        assert len(grid(show(cf, rows=rows), 3)) == n
    assert len(grid(show(cf), 3)) == 6
    assert len(grid(show(cf, rows=slice(1, 4)), 3)) == 3
    assert len(grid(show(cf, rows=cf.flipped), 3)) == 3, "a mask"
    for rows in (0, -1, True, 1.5, "all", [10], [-11], [0.5], [[1]], [True], None):
        with pytest.raises(InputError, match="rows must be a positive number, a slice, or indices from -10 to 9"):
            show(cf, rows=rows)  # type: ignore[arg-type]
    for rows in ([], slice(3, 3), torch.zeros(10, dtype=torch.bool)):
        with pytest.raises(InputError, match="rows asks for none of 10 rows"):
            show(cf, rows=rows)
    with pytest.raises(InputError, match="rows asks for 51 rows, and a figure holds 50: show them in parts"):
        show(searches(60, (1, 8, 8)), rows=51)


def test_what_cannot_be_drawn() -> None:
    cf = searches(4, (1, 8, 8))
    with pytest.raises(InputError, match=r"samples of shape \(6,\): cf.to_frame\(\) has them as a table"):
        show(searches(4, (6,)))
    with pytest.raises(InputError, match="1 or 3 channels, and these have 4"):
        show(searches(4, (4, 8, 8)))
    for other in (cf.take(torch.arange(3)), cf.take(torch.tensor([1, 0, 2, 3])), replace(cf, target=cf.source)):
        with pytest.raises(InputError, match="control must be of the same 4 searches, row by row"):
            show(cf, control=other)
    with pytest.raises(InputError, match="class_names has 2 names, and there is a class 2"):
        show(cf, class_names=["a", "b"])
    with pytest.raises(InputError, match="control must be a Counterfactuals; got 'pixels'"):
        show(cf, control="pixels")  # type: ignore[arg-type]


def test_numbers_that_are_not_finite_and_other_ranges() -> None:
    cf = searches(1, (1, 8, 8))
    cf.counterfactual[0, 0, 0, 0] = torch.nan
    ((_, drawn, change),) = grid(show(cf), 3)
    assert drawn.get_array()[0, 0] == 0 and change.get_array()[0, 0] == 0
    wide = searches(1, (1, 8, 8), x=torch.linspace(-1, 3, 64).view(1, 1, 8, 8))
    ((x, *_),) = grid(show(wide), 3)
    assert x.get_array().min() == 0 and x.get_array().max() == 1
    still = searches(1, (3, 8, 8))
    assert limits(grid(show(replace(still, counterfactual=still.x)), 3)[0][2]) == (-1, 1), "nothing has changed"


def test_a_notebook_shows_it() -> None:
    shown = show(searches(1, (1, 8, 8)))
    assert isinstance(shown, Figure) and shown._repr_png_().startswith(b"\x89PNG")  # type: ignore[attr-defined]


def test_importing_the_package_imports_no_matplotlib() -> None:
    """Which takes a second: what imports it is imported where something is drawn."""
    at_the_top = {
        (file.relative_to(ROOT).as_posix(), name)
        for package in ("counterfactuals", "networks")
        for file in (ROOT / package).rglob("*.py")
        for node in ast.parse(file.read_text()).body
        for name in ("matplotlib", "output.figure")
        if isinstance(node, (ast.Import, ast.ImportFrom)) and name in ast.unparse(node)
    }
    assert at_the_top == {("counterfactuals/output/figure.py", "matplotlib")}
