"""Class, oracle and run names from strangers' folders: shown as they are, never run, never a formula."""

import json
from pathlib import Path
from typing import Any

import pytest

from report.figures.plots import canvas, inline_svg, save
from report.page import build_report
from tests.report.browser import opened
from tests.report.synthetic import write_run

NAMES = [
    "<img src=x onerror=document.title='ran'>",
    "</script><script>document.title='ran'</script>",
    "\"'`{{7*7}}",
    "__proto__",
    "a\u2028b",
    "--><svg onload=document.title='ran'>",
    "1$x_$ \\frac",
    "0$^$",
    "&lt;b&gt;",
    "naïve 数",
]


def test_a_page_of_hostile_names(browser: Any, tmp_path: Path) -> None:
    folder = write_run(tmp_path / "<img src=x onerror=alert(1)>" / "run", n=60, size=8)
    summary = json.loads((folder / "summary.json").read_text())
    (folder / "summary.json").write_text(json.dumps(summary | {"class_names": NAMES}))
    build_report(folder)
    page = opened(browser, folder)
    page.locator(".card").first.click()
    page.wait_for_timeout(300)
    assert "ran" not in page.title() and not page.problems
    assert "1$x_$ \\frac" in page.content() and "0$^$" in page.content()


@pytest.mark.parametrize("name", ["1$x_$ \\frac", "0$^$", "$", "\\$a$b$"])
def test_dollars_are_no_formulas(name: str, tmp_path: Path) -> None:
    figure, axes = canvas(2)
    axes.plot([1, 10, 100], [1, 2, 3], label=name)
    axes.set(xscale="log", title=name, xlabel=name)
    figure.axes[1].bar([0, 1], [1, 2], tick_label=[name, name])
    axes.legend()
    save(figure, tmp_path, "figure")
    assert "<svg" in inline_svg(figure)
    assert {t.get_text() for t in figure.axes[1].get_xticklabels()} == {name}
    assert axes.get_xticklabels()[0].get_parse_math(), "powers of ten on a logarithmic axis are formulas"
