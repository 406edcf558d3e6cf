"""The first screen in a real browser: what it holds, and that it fits."""

import json
from pathlib import Path
from typing import Any

import pytest
from safetensors.torch import load_file, save_file

from report import page as page_module
from report.answer.representatives import representatives
from report.answer.sentence import answer
from report.page import build_report
from results.reader import Results
from tests.report.browser import opened
from tests.report.synthetic import write_run

WIDTH, HEIGHT = 1280, 800
FOLDED = ("#overview", "#summary", ".confusion")


def report_of(folder: Path, more: dict[str, Any] | None = None, **settings: Any) -> Path:
    """A run with the numbers that real ones have, and a page of it."""
    write_run(folder, n=80, classes=3, **settings)
    summary = json.loads((folder / "summary.json").read_text())
    for numbers in (summary, summary["control"]):
        numbers |= {"oracle_gain": 0.4, "on_manifold": 0.9, "l1_x": 12.3}
        numbers["intervals"] |= {"flip_rate": [0.9, 0.97], "oracle_gain": [0.3, 0.5], "l1_x": [11.2, 13.4]}
    summary["model"] = {"understood": ["The model: CNN, logits of 10 classes"], "warnings": []}
    (folder / "summary.json").write_text(json.dumps(summary | (more or {})))
    return built(folder)


def built(folder: Path) -> Path:
    """With a page, but without figures for papers, which take longest."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(page_module, "draw_all", lambda *given: [])
        for slow in ("save", "save_examples"):
            patch.setattr(page_module, slow, lambda *args: None)
        build_report(folder)
    return folder


def of_size(browser: Any, folder: Path, width: int, height: int) -> Any:
    page = opened(browser, folder)
    page.set_viewport_size({"width": width, "height": height})
    return page


@pytest.fixture(scope="module", params=[{"size": 8}, {"size": 96, "channels": 3}], ids=["8", "96"])
def run(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return report_of(tmp_path_factory.mktemp("screen") / "run", **request.param)


@pytest.fixture
def page(browser: Any, run: Path) -> Any:
    page = of_size(browser, run, WIDTH, HEIGHT)
    yield page
    assert page.problems == []
    page.close()


def test_everything_is_seen_without_scrolling(run: Path, page: Any) -> None:
    results = Results(run)
    said, shown = answer(results), representatives(results)
    assert page.inner_text("#answer-title") == said.lead and said.rest[1:] in page.inner_text(".rest")
    assert page.get_attribute("meta[name=description]", "content") == said.text
    assert (
        page.locator(".pair").evaluate_all("cards => cards.map(c => +c.querySelector('button').dataset.row)") == shown
    )
    assert page.locator(".pair img").count() == 30 and page.locator(".average img").count() == 4
    assert page.locator(".headline tbody tr").count() == 5
    parts = ["#answer-title", ".rest", ".words", ".rule", *[".pair"] * 6, ".average", ".headline tr:last-child"]
    boxes = [page.locator(p).nth(i - 4 if p == ".pair" else 0).bounding_box() for i, p in enumerate(parts)]
    assert all(b["width"] > 0 and b["y"] >= 0 and b["y"] + b["height"] <= HEIGHT for b in boxes)
    assert all(b["x"] >= 0 and b["x"] + b["width"] <= WIDTH for b in boxes)
    clipped = "e => e.scrollWidth > e.clientWidth + 1"
    assert not any(page.locator(p).first.evaluate(clipped) for p in ("html", ".pair", ".average", ".base > .scroll"))


def test_pictures_are_squares_that_can_be_seen_and_small_ones_keep_their_pixels(run: Path, page: Any) -> None:
    small = Results(run).shape[-1] <= 64
    for image in page.locator(".pair img, .average img").all():
        box, rendering = image.bounding_box(), image.evaluate("e => getComputedStyle(e).imageRendering")
        assert box["width"] > 60 and abs(box["width"] - box["height"]) < 1
        assert (rendering == "pixelated") == small and image.evaluate("e => e.complete && e.naturalWidth > 0")


def test_everything_else_is_folded_and_opens_by_keyboard(page: Any) -> None:
    assert not any(page.locator(f).is_visible() for f in FOLDED)
    summary = page.locator(".fold summary").first
    summary.focus()
    page.keyboard.press("Enter")
    assert page.locator("#overview").is_visible()


def test_every_link_leads_to_what_can_be_seen(page: Any) -> None:
    targets = [link.get_attribute("href") for link in page.locator("nav a").all()]
    assert {"#answer", "#overview", "#summary-title", "#pairs", "#figures", "#failures", "#gallery-title"} <= set(
        targets
    )
    for target in targets:
        page.evaluate("document.querySelectorAll('details').forEach(d => d.open = false)")
        page.click(f"nav a[href='{target}']")
        page.wait_for_function("id => document.querySelector(id).getBoundingClientRect().top < innerHeight", arg=target)
        there = page.locator(target).bounding_box()
        assert there is not None and there["height"] > 0
        folds = page.locator(f"details:has({target})")
        assert folds.count() == 0 or folds.first.evaluate("e => e.open")


def test_an_address_with_an_anchor_opens_its_fold(browser: Any, run: Path) -> None:
    page = browser.new_page(viewport={"width": WIDTH, "height": HEIGHT})
    page.goto((run / "report.html").as_uri() + "#summary-title")
    assert page.locator("#summary").is_visible() and not page.locator("#overview").is_visible()
    page.evaluate("document.querySelectorAll('details').forEach(d => d.open = false); location.hash = '#overview'")
    page.wait_for_function("document.querySelector('#overview').checkVisibility({contentVisibilityAuto: true})")
    page.close()


def test_a_pair_opens_in_full_and_gives_the_focus_back(run: Path, page: Any) -> None:
    row = representatives(Results(run))[3]
    page.select_option("#status", "timeout")
    page.locator(".pair button").nth(3).click()
    assert page.locator("dialog .place").inner_text().startswith(f"#{row} ")
    page.keyboard.press("Escape")
    page.wait_for_function("row => document.activeElement.dataset.row === row", arg=str(row))
    page.locator(".card").first.focus()
    page.keyboard.press("Enter")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Escape")
    page.wait_for_function("[...document.querySelectorAll('.card')].indexOf(document.activeElement) === 1")


def test_nothing_scrolls_sideways_on_a_telephone(browser: Any, run: Path) -> None:
    page = of_size(browser, run, 400, 800)
    page.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")
    assert page.evaluate("document.documentElement.scrollWidth") == 400
    outside = """[...document.querySelectorAll('main *')].filter(e => !e.closest('.scroll') && !e.closest('svg')
        && e.getBoundingClientRect().right > 400).map(e => e.outerHTML.slice(0, 80))"""
    assert page.evaluate(outside) == []
    assert page.locator(".headline td.interval").nth(1).evaluate("e => e.getBoundingClientRect().right") < 400
    page.close()


def test_all_is_open_in_print(browser: Any, run: Path, tmp_path: Path) -> None:
    page = of_size(browser, run, 720, 1000)
    count = "window.open_in_print = document.querySelectorAll('.fold[open]').length"
    page.evaluate(f"addEventListener('beforeprint', () => {{ {count} }})")
    page.pdf(path=tmp_path / "page.pdf")
    assert page.evaluate("window.open_in_print") == page.locator(".fold").count() > 4
    assert page.locator(".fold[open]").count() == 0, "and as before afterwards"
    page.emulate_media(media="print")
    assert all(page.locator(f).is_visible() for f in FOLDED), "where nobody says that it prints, too"
    page.close()


def test_dark_is_legible(browser: Any, run: Path) -> None:
    page = browser.new_page(viewport={"width": WIDTH, "height": HEIGHT}, color_scheme="dark")
    page.goto((run / "report.html").as_uri())
    light = "e => { const [r, g, b] = getComputedStyle(e).color.match(/[0-9.]+/g).map(Number); return r + g + b }"
    for part in ("#answer-title", ".rest", ".words", ".pair b", ".side p", ".headline td", ".fold h2"):
        assert page.locator(part).first.evaluate(light) > 330, part
    page.close()


def test_warnings_stand_above_the_answer_in_two_lines_at_most(browser: Any, tmp_path: Path) -> None:
    long = "the chart does not give an image back: " + "it is off by far " * 30
    problems = {"quality": {"problems": [long]}, "model": {"understood": [], "warnings": ["it is wrong"]}}
    folder = report_of(tmp_path / "run", problems, size=8)
    page = of_size(browser, folder, WIDTH, HEIGHT)
    boxes = [warning.bounding_box() for warning in page.locator(".warning:not(noscript *)").all()]
    assert len(boxes) == 2 and all(b["height"] < 60 for b in boxes)
    assert max(b["y"] + b["height"] for b in boxes) <= page.locator("#answer").bounding_box()["y"]
    box = page.locator(".headline tr").last.bounding_box()
    assert box["y"] + box["height"] <= HEIGHT
    page.locator(".warning summary").last.click()
    assert page.locator(".warning").last.bounding_box()["height"] > 60, "all of it, when it is asked for"
    page.close()


def test_points_have_the_sentence_and_the_numbers_alone(browser: Any, tmp_path: Path) -> None:
    folder = write_run(tmp_path / "run", n=40, size=8, classes=3)
    tensors = load_file(folder / "counterfactuals.safetensors")
    save_file({k: t.flatten(1).contiguous() for k, t in tensors.items()}, folder / "counterfactuals.safetensors")
    for beside in ("neighbours", "attributions"):
        (folder / f"{beside}.safetensors").unlink()
    page = of_size(browser, built(folder), WIDTH, HEIGHT)
    assert "samples changed the model's mind" in page.inner_text("#answer-title")
    assert page.locator("#answer img").count() == 0 and page.locator(".headline tbody tr").count() == 5
    assert "Chosen by rule" not in page.inner_text("#answer") and page.problems == []
    page.close()
