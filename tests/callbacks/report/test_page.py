"""The report in a real browser."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from callbacks.report.page import build_report

CHROMIUM = next((p for n in ("chromium", "chromium-browser", "google-chrome") if (p := shutil.which(n))), None)
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-background-networking",
    "--disable-sync",
    "--disable-component-update",
]


@pytest.fixture(scope="module")
def run(digits_home: Path) -> Path:
    from tests.runs import run_explain

    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(digits_home)
        run_explain(
            "digits/explain.yaml",
            "--data.predict_limit=70",
            "--model.method.init_args.max_steps=40",
            "--model.control.init_args.max_steps=40",
            "--model.objective.init_args.confidence=0.6",
            "--trainer.default_root_dir=report",
        )
    return digits_home / "report"


@pytest.fixture(scope="module")
def page(run: Path) -> Iterator:
    if CHROMIUM is None:
        pytest.skip("no Chromium on this machine")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        page = browser.new_page(viewport={"width": 1280, "height": 1000})
        page.problems = []
        page.on("pageerror", lambda error: page.problems.append(str(error)))
        page.on("request", lambda r: None if r.url.startswith(("file:", "data:")) else page.problems.append(r.url))
        page.goto((run / "report.html").as_uri())
        yield page
        browser.close()


def indices(page) -> list[int]:
    return [int(text.removeprefix("#")) for text in page.locator(".card .idx").all_inner_texts()]


def test_summary_stands_side_by_side(run: Path, page) -> None:
    summary = json.loads((run / "summary.json").read_text())
    rows = page.locator("#summary tbody tr").all_inner_texts()
    flip = next(r for r in rows if r.startswith("flip rate"))
    assert f"{summary['flip_rate']:.1%}" in flip and f"{summary['control']['flip_rate']:.1%}" in flip


def test_pictures_are_really_drawn(page) -> None:
    images = page.locator(".card").first.locator("img")
    assert images.count() == 6
    for i in range(6):
        assert images.nth(i).evaluate("e => e.complete && e.naturalWidth") == 8
    assert page.locator("figure svg").count() == 2


def test_sort_filter_and_more(page) -> None:
    import pandas as pd

    table = pd.read_parquet(Path(page.url.removeprefix("file://")).with_name("counterfactuals.parquet"))
    assert indices(page) == list(range(60))
    page.click("#more")
    assert indices(page) == list(range(70)) and not page.locator("#more").is_visible()
    page.select_option("#sort", "confidence")
    page.check("#descending")
    best = table.sort_values("confidence", ascending=False)["index"].tolist()
    assert indices(page)[:1] == best[:1]
    page.select_option("#status", "flipped")
    flipped = table.loc[table.status == "flipped", "index"]
    assert set(indices(page)) <= set(flipped) and len(indices(page)) == min(60, len(flipped))
    page.select_option("#oracle", "false")
    disagree = table[(table.status == "flipped") & (table.oracle_svm != table.target)]
    assert set(indices(page)) <= set(disagree["index"]) and len(indices(page)) == min(60, len(disagree))
    assert page.inner_text("#count") == f"{len(disagree)} of 70"
    page.select_option("#oracle", "")
    page.select_option("#status", "")
    page.select_option("#target", str(table["target"][0]))
    assert len(indices(page)) == min(60, (table["target"] == table["target"][0]).sum())


def test_nothing_breaks_and_nothing_leaves_the_page(page) -> None:
    assert page.problems == []


def test_mean_changes_of_every_pair_are_shown(run: Path) -> None:
    assert (run / "figures" / "mean_change.png").stat().st_size > 10_000
    assert "Mean change" in (run / "report.html").read_text()


def test_a_chart_that_is_not_good_enough_is_said_first(run: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(run, tmp_path / "copy"))
    summary = json.loads((folder / "summary.json").read_text())
    summary["quality"] = {"reconstruction_error": 0.3, "problems": ["the chart does not give an <image> back"]}
    (folder / "summary.json").write_text(json.dumps(summary))
    html = build_report(folder, [str(d) for d in range(10)]).read_text()
    warning = "Do not trust these pictures yet:</b> the chart does not give an &lt;image&gt; back"
    assert warning in html and html.index(warning) < html.index("<h2>Summary")
