"""The report of a real run in a real browser."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from report.answer.sentence import counts
from report.page import build_report, script_json
from results.meanings import labels
from results.reader import Results
from tests.report.browser import indices, mark, opened


@pytest.fixture(scope="module")
def run(digits_home: Path) -> Path:
    from tests.support.runs import run_explain

    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(digits_home)
        run_explain(
            "digits/explain.yaml",
            "--data.predict_limit=70",
            "--model.method.init_args.max_steps=40",
            "--model.control.init_args.max_steps=40",
            "--model.paper_control=null",
            "--model.objective.init_args.confidence=0.6",
            "--trainer.default_root_dir=report",
        )
    return digits_home / "report"


@pytest.fixture(scope="module")
def page(browser: Any, run: Path) -> Any:
    return opened(browser, run)


def test_the_summary_names_the_classes(run: Path) -> None:
    assert json.loads((run / "summary.json").read_text())["class_names"] == [str(d) for d in range(10)]


def test_the_answer_counts_what_the_summary_has_shares_of(run: Path, page) -> None:
    summary, results = json.loads((run / "summary.json").read_text()), Results(run)
    for name, numbers in (("", summary), ("control", summary["control"])):
        found = counts(results, name)
        assert found.flipped == pytest.approx(numbers["flip_rate"] * found.searched)
        assert found.agreed == pytest.approx(numbers["oracle_accuracy_searched/all"] * found.searched)
        assert found.green == pytest.approx(numbers["certified"] * found.searched)
    assert page.inner_text("#answer-title").startswith(f"{counts(results, '').flipped} of ")
    assert page.locator(".headline tbody th").first.inner_text().startswith("flip rate")


def test_summary_stands_side_by_side(run: Path, page) -> None:
    summary = json.loads((run / "summary.json").read_text())
    page.click("nav a[href='#summary-title']")
    rows = page.locator("#summary tbody tr").all_inner_texts()
    flip = next(r for r in rows if r.startswith("flip rate"))
    assert f"{summary['flip_rate']:.1%}" in flip and f"{summary['control']['flip_rate']:.1%}" in flip


def test_pictures_are_really_drawn(run: Path, page) -> None:
    from safetensors.torch import load_file

    mark(page, "drawn")
    canvases = page.locator(".card").first.locator("canvas")
    assert canvases.count() == 5
    read = "e => [...e.getContext('2d').getImageData(0, 0, e.width, e.height).data].filter((_, i) => i % 4 === 0)"
    tensors = load_file(run / "counterfactuals.safetensors")
    for i, name in ((0, "x"), (1, "counterfactual"), (3, "control_counterfactual")):
        expected = (tensors[name][0, 0].clamp(0, 1) * 255).round().flatten().int().tolist()
        assert canvases.nth(i).evaluate(read) == expected
    assert page.locator("figure svg").count() == 5  # steps, spectrum, oracles, neighbours, distances


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
    votes = table[["oracle_svm", "oracle_cnn", "oracle_noisy"]]
    disagree = table[(table.status == "flipped") & votes.ne(table.target, axis=0).any(axis=1)]
    assert set(indices(page)) <= set(disagree["index"]) and len(indices(page)) == min(60, len(disagree))
    assert page.inner_text("#count") == f"{len(disagree)} of 70"
    page.select_option("#oracle", "")
    page.select_option("#status", "")
    page.select_option("#target", str(table["target"][0]))
    assert len(indices(page)) == min(60, (table["target"] == table["target"][0]).sum())
    page.click("#reset")
    assert page.inner_text("#count") == "70 of 70"


def test_nothing_breaks_and_nothing_leaves_the_page(page) -> None:
    assert page.problems == []


def test_mean_changes_of_every_pair_are_shown(run: Path, page) -> None:
    assert (run / "figures" / "mean_change.png").stat().st_size > 10_000
    pairs = page.locator(".changes tbody tr")
    assert pairs.count() > 1 and pairs.first.locator("img").count() == 6


def test_figures_for_papers(run: Path) -> None:
    for name in ("examples", "mean_change", "oracles", "neighbours", "distances", "steps", "spectrum"):
        assert (run / "figures" / f"{name}.png").is_file() and (run / "figures" / f"{name}.pdf").is_file()


def test_a_chart_that_is_not_good_enough_is_said_first(run: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(run, tmp_path / "copy"))
    summary = json.loads((folder / "summary.json").read_text())
    summary["quality"] = {"reconstruction_error": 0.3, "problems": ["the chart does not give an <image> back"]}
    (folder / "summary.json").write_text(json.dumps(summary))
    (folder / "manifest.json").unlink()  # as in folders of older versions: a changed file is refused otherwise
    html = build_report(folder, [str(d) for d in range(10)]).read_text()
    warning = "Do not trust these pictures yet:</b> the chart does not give an &lt;image&gt; back"
    assert warning in html and html.index(warning) < html.index('<h2 id="overview-title">')


def test_a_margin_is_not_called_a_probability() -> None:
    assert "probability" in labels()["confidence"][1]
    assert labels("logit margin")["confidence"][0] == "confidence: logit margin"
    assert "probability" not in " ".join(labels("distance beyond the goal")["confidence"])


def test_json_cannot_end_its_script() -> None:
    assert "</script>" not in script_json({"name": "</script><b>"})
    assert json.loads(script_json({"name": "</script>"})) == {"name": "</script>"}
