"""The gallery of 5,000 searches with everything that a run may leave, in a real browser."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from report import build_report
from report.gallery.data import neighbour_tiles, pictures_of, scale_of
from results.reader import Results
from tests.report.browser import indices, mark, opened
from tests.report.synthetic import write_run


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = write_run(tmp_path_factory.mktemp("many") / "run", n=5000, others=("joshi",))
    build_report(folder)
    return folder


@pytest.fixture(scope="module")
def page(browser: Any, run: Path) -> Any:
    return opened(browser, run)


@pytest.fixture
def fresh(page) -> Iterator:
    yield page
    if page.locator("dialog[open]").count():
        page.keyboard.press("Escape")
    page.click("#reset")


@pytest.fixture(scope="module")
def table(run: Path) -> pd.DataFrame:
    return pd.read_parquet(run / "counterfactuals.parquet")


def test_page_of_5000_is_small(run: Path) -> None:
    assert (run / "report.html").stat().st_size < 40_000_000
    assert 'id="limits"' not in (run / "report.html").read_text(), "small images are exact, and all there"


def test_interactive_in_two_seconds(page) -> None:
    best = mark(page, "interactive")
    for _ in range(3):  # other work on the machine must not fail the test
        if best < 2000:
            break
        page.reload()
        best = min(best, mark(page, "interactive"))
    assert best < 2000
    mark(page, "drawn")


def test_filter_and_sort_are_quick(fresh) -> None:
    fresh.evaluate("get('sort').value = 'margin'; get('oracle').value = 'true'; get('l2_x-from').value = '1'")
    fastest = fresh.evaluate(
        "Math.min(...[1, 2, 3].map(() => { const t = performance.now(); select(); return performance.now() - t; }))"
    )
    assert fastest < 100


def test_ranges_and_certificates(fresh, table: pd.DataFrame) -> None:
    fresh.select_option("#certificate", "green")
    fresh.fill("#confidence-from", "0.995")
    fresh.fill("#l2_x-to", "5")
    fresh.select_option("#source", "3")
    wanted = table[
        (table.certificate == "green") & (table.confidence >= 0.995) & (table.l2_x <= 5) & (table.source == 3)
    ]
    assert 0 < len(wanted) < 5000 and fresh.inner_text("#count") == f"{len(wanted)} of 5000"
    assert indices(fresh) == wanted["index"].tolist()[:60]


def test_what_is_not_known_is_sorted_last(fresh, table: pd.DataFrame) -> None:
    fresh.select_option("#sort", "p_manifold")
    for descending in (False, True):
        fresh.set_checked("#descending", descending)
        best = table["p_manifold"].max() if descending else table["p_manifold"].min()
        assert table["p_manifold"][indices(fresh)[0]] == best
        assert np.isnan(table["p_manifold"][fresh.evaluate("select().at(-1)")])


def test_detail_by_keys(fresh, table: pd.DataFrame) -> None:
    fresh.select_option("#status", "flipped")
    order = table.index[table.status == "flipped"].tolist()
    fresh.locator(".card").nth(1).focus()
    fresh.keyboard.press("Enter")
    place = fresh.locator("dialog .place")
    assert fresh.locator("dialog[open]").count() == 1 and place.inner_text().startswith(f"#{order[1]} ")
    for key, i in (("ArrowRight", 2), ("ArrowRight", 3), ("ArrowLeft", 2), ("ArrowLeft", 1), ("ArrowLeft", 0)):
        fresh.keyboard.press(key)
        assert place.inner_text().startswith(f"#{order[i]} ")
    fresh.keyboard.press("ArrowLeft")  # there is none before the first
    assert place.inner_text().startswith(f"#{order[0]} ")
    fresh.keyboard.press("Escape")
    assert fresh.locator("dialog[open]").count() == 0
    # Focus goes back to the card: at the dialog's close event, which the browser fires a moment later.
    fresh.wait_for_function("document.activeElement === document.querySelector('.card')")


def test_detail_shows_everything(fresh, table: pd.DataFrame) -> None:
    fresh.locator(".card").first.click()
    titles = fresh.locator("dialog h3").all_inner_texts()
    for title in ("Pictures", "Compared methods", "Nearest real images to x′", "Nearest real images to control"):
        assert title in titles
    assert "Oracles" in titles and "The search, from x to x′" not in titles, "this run kept no path"
    values = fresh.locator("dialog .values").last.inner_text()
    assert "margin" in values and "IM1" in values and "COUT" in values
    line = next(row for row in values.splitlines() if row.startswith("L2 in X\t"))
    own, _, control = (float(v) for v in line.split("\t")[1:])
    assert own == pytest.approx(table.l2_x[0], rel=1e-3) and control == pytest.approx(table.control_l2_x[0], rel=1e-3)


def test_where_the_model_looks_stands_beside_the_change(fresh) -> None:
    title = "Where the model looks, and what had to change"
    fresh.locator(".card").first.click()
    assert title in fresh.locator("dialog h3").all_inner_texts()
    shown = fresh.locator("dialog section", has=fresh.locator("h3", has_text=title))
    assert shown.locator("canvas").count() == 5
    fresh.keyboard.press("Escape")
    fresh.evaluate("open(order.indexOf(450))")
    assert title not in fresh.locator("dialog h3").all_inner_texts(), "the run has kept maps of 400 rows"


def test_what_can_be_done_has_a_name(page) -> None:
    assert page.locator(".card[tabindex='0'][role=button][aria-label]").count() == page.locator(".card").count()
    unnamed = "e => [...e.querySelectorAll('input, select')].filter(i => !i.labels.length && !i.ariaLabel).length"
    assert page.locator(".controls").evaluate(unnamed) == 0


def test_print_has_cards_and_no_controls(page) -> None:
    page.emulate_media(media="print")
    assert not page.locator(".controls").is_visible() and not page.locator("#more").is_visible()
    assert page.locator(".card").first.is_visible()
    page.emulate_media(media="screen")


def test_nothing_breaks_and_nothing_leaves_the_page(page) -> None:
    assert page.problems == []


def test_paths_and_neighbours_are_the_runs_own(tmp_path: Path) -> None:
    results = Results(write_run(tmp_path / "run", n=40, size=8, path=12))
    pictures = {p.role: p for p in pictures_of(results, 40)}
    path = pictures["path"]
    assert path.count == 40 * 8
    tiles = path.take(8 * 5 + 3, 8 * 6 + 2)  # from the middle of a row into the next
    kept = results.tensor("path")[:, torch.linspace(0, 11, 8).round().long()].flatten(0, 1)[43:50]
    assert np.array_equal(tiles[..., 0], (kept[:, 0] * 255).round().byte().numpy())
    assert np.array_equal(path.take(47, 48)[0, ..., 0], (results.tensor("path")[5, -1, 0] * 255).round().byte().numpy())
    positions = safe_open(results.folder / "neighbours.safetensors", "pt").get_tensor("positions")
    tiles = neighbour_tiles(results)["neighbour_1"]
    assert (positions[tiles.tolist()].numpy() == results.table["neighbour_1"].to_numpy()).all()


def test_changes_keep_their_sign_and_share_a_scale(tmp_path: Path) -> None:
    results = Results(write_run(tmp_path / "run", n=20, size=8))
    change = results.tensor("counterfactual") - results.tensor("x")
    tiles = next(p for p in pictures_of(results, 20) if p.role == "counterfactual_change").take(0, 20)
    back = (torch.from_numpy(tiles[..., 0]).float() - 128) / 127 * scale_of(results)
    inside = change[:, 0].abs() < scale_of(results)
    assert (back - change[:, 0])[inside].abs().max() <= scale_of(results) / 254 + 1e-6


def test_points_have_a_gallery_without_pictures(browser: Any, tmp_path: Path) -> None:
    folder = write_run(tmp_path / "run", n=30, size=8)
    tensors = {
        k: v.flatten(1)[:, :3].contiguous() for k, v in load_file(folder / "counterfactuals.safetensors").items()
    }
    save_file(tensors, folder / "counterfactuals.safetensors")
    for beside in ("neighbours", "attributions"):
        (folder / f"{beside}.safetensors").unlink()
    table = pd.read_parquet(folder / "counterfactuals.parquet")
    for role in ("label", "source", "target"):
        table[role] = table[role] + 0.25  # values, not classes
    table.to_parquet(folder / "counterfactuals.parquet")
    summary = json.loads((folder / "summary.json").read_text()) | {"class_names": []}
    (folder / "summary.json").write_text(json.dumps(summary))
    build_report(folder)
    page = opened(browser, folder)
    assert page.locator(".card").count() == 30 and page.locator("canvas").count() == 0
    assert page.locator("#source, .confusion, .changes").count() == 0
    page.locator(".card").first.click()
    assert page.locator("dialog canvas").count() == 0 and "Values" in page.locator("dialog").inner_text()
    assert page.problems == []


@pytest.mark.slow
@pytest.mark.parametrize("texture", [0.05, 1.0])
def test_page_of_5000_faces_says_what_it_left_out(browser: Any, tmp_path: Path, texture: float) -> None:
    folder = write_run(tmp_path / "run", n=5000, size=64, channels=3, texture=texture, path=10)
    html = build_report(folder)
    assert html.stat().st_size <= 40_000_000
    assert "compressed (WebP" in html.read_text()
    page = opened(browser, folder)
    assert mark(page, "interactive") < 2000
    mark(page, "drawn")
    assert page.problems == []
