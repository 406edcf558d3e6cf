import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from safetensors.torch import load_file

from callbacks.tracking.dashboard import attribute_changes
from callbacks.tracking.gallery import gallery
from report.attributes import attribute_tables, sentence, signed
from report.page import build_report
from results.reader import Results
from tests.report.browser import opened
from tests.report.synthetic import write_run


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two classes, whose searches were told of two attributes and seen in one."""
    folder = write_run(tmp_path_factory.mktemp("attributes") / "run", n=40, classes=2)
    file = folder / "counterfactuals.parquet"
    table = pd.read_parquet(file)
    up = 2.0 * table["target"] - 1
    table["told_Wearing_Hat"], table["told_Bald"], table["shift_Wearing_Hat"] = 0.8 * up, -0.25 * up, 0.5 * up
    table.to_parquet(file)
    summary = json.loads((folder / "summary.json").read_text())
    told = {"told": 0.8, "told_interval": [0.75, 0.85], "told_p": 0.001}
    summary["attributes"] = [
        {"source": 0, "target": 1, "attribute": "Wearing_Hat", "n": 19, **told}
        | {"seen": 0.5, "seen_interval": [0.4, 0.6], "seen_p": 0.2},
        {"source": 0, "target": 1, "attribute": "Bald", "n": 19, **told, "told": -0.2, "told_p": None},
    ]
    summary["attribute_means"] = {"Wearing_Hat": [0.02, 0.31], "Bald": [0.05, 0.01]}
    (folder / "summary.json").write_text(json.dumps(summary))
    return folder


def test_a_row_an_attribute_with_what_training_images_have(run: Path) -> None:
    (table,) = attribute_tables(Results(run))
    hat, bald = table.rows
    assert (table.pair, table.n, hat.name, hat.known) == ("class 0 → class 1", 19, "Wearing Hat", ("2.0%", "31.0%"))
    assert hat.told is not None and (hat.told.text, hat.told.interval) == ("+0.80", "+0.75 to +0.85")
    assert hat.told.certain and hat.told.share == 1 and hat.seen is not None and not hat.seen.certain
    assert bald.told is not None and bald.told.share == -0.25 and not bald.told.certain and bald.seen is None


def test_one_searchs_changes_in_a_sentence(run: Path) -> None:
    table = pd.read_parquet(run / "counterfactuals.parquet")
    row = table[table["target"] == 1].iloc[0]
    assert sentence(row) == "Wearing Hat +0.80, Bald −0.25"
    assert sentence(row.drop([c for c in table if c.startswith("told_")])) == "Wearing Hat +0.50"
    assert sentence(row.drop([c for c in table if c.startswith(("told_", "shift_"))])) == ""
    assert signed(-0.004) == "−0.00" and sentence(pd.Series({"told_a": 0.001, "told_b": -0.4})) == "b −0.40"


def test_the_page_has_them(run: Path, browser: Any) -> None:
    build_report(run)
    page = opened(browser, run)
    page.click("nav a[href='#attributes']")
    cells = page.locator(".attributes tbody tr").first.all_inner_texts()[0]
    assert "Wearing Hat" in cells and "+0.80" in cells and "31.0%" in cells
    assert page.locator(".attributes .signed .more").first.bounding_box()["width"] > 20
    assert "Wearing Hat" in page.locator(".cards .side").first.inner_text()


def test_wandb_gets_rows_and_a_column(run: Path) -> None:
    summary = json.loads((run / "summary.json").read_text())
    first, second = attribute_changes(summary, ["a", "b"])
    assert first == {
        "attribute of pair": "Wearing_Hat (a→b)",
        "told": 0.8,
        "told_p": 0.001,
        "seen": 0.5,
        "seen_p": 0.2,
        "n": 19,
    }
    assert second["told"] == -0.2 and "seen" not in second
    table = pd.read_parquet(run / "counterfactuals.parquet")
    shown = gallery(table, load_file(run / "counterfactuals.safetensors"), ["a", "b"], 5)
    assert set(shown.get_column("attributes")) <= {"Wearing Hat +0.80, Bald −0.25", "Wearing Hat −0.80, Bald +0.25"}
