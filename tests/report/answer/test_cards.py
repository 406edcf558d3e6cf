import base64
import io
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from report.answer.agreement import agreement
from report.answer.cards import average, cards, confidence, opinions, percent
from report.answer.representatives import representatives
from report.figures.pairs import mean_changes
from results.reader import Results
from tests.report.synthetic import write_run


@pytest.fixture
def results(tmp_path: Path) -> Results:
    return Results(write_run(tmp_path / "run", n=60, size=8, classes=3))


def pixels(uri: str) -> np.ndarray:
    return np.array(Image.open(io.BytesIO(base64.b64decode(uri.partition(",")[2]))))


def test_cards_show_the_rows_that_the_rule_chooses(results: Results) -> None:
    shown = cards(results, scale=1.0)
    assert [card.row for card in shown] == representatives(results) and len(shown) == 6
    for card in shown:
        row = results.table.iloc[card.row]
        assert card.pair == f"class {row['source']} → class {row['target']}" and card.number == f"#{row['index']}"
        assert card.certificate == row["certificate"]
        own, control = card.sides
        assert [p.label for p in own.pictures] == ["x", "x′", "change"] and own.name == ""
        assert [p.label for p in control.pictures] == ["control", "its change"] and control.name == "control"
        for picture, tensor in ((own.pictures[1], "counterfactual"), (control.pictures[0], "control_counterfactual")):
            expected = (results.tensor(tensor)[card.row, 0].clamp(0, 1) * 255).round().numpy()
            assert (pixels(picture.uri) == expected).all()
        agree = [row[f"oracle_{name}"] == row["target"] for name in ("svm", "cnn")]
        assert own.opinions == f"{sum(agree)} of 2 models agree"
        assert own.confidence == f"confidence {percent(row['confidence_before'])} → {percent(row['confidence'])}"


def test_points_have_no_cards(results: Results, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Results, "images", False)
    assert cards(results, 1.0) == []


def test_without_a_control_there_is_one_side(results: Results, monkeypatch: pytest.MonkeyPatch) -> None:
    has = Results.has
    monkeypatch.setattr(Results, "has", lambda self, name: "control" not in name and has(self, name))
    assert {len(card.sides) for card in cards(results, 1.0)} == {1}


def test_confidence_before_and_after(results: Results) -> None:
    results.table = results.table.assign(status="flipped", control_status="timeout", confidence_before=0.0001)
    results.table = results.table.assign(confidence=0.991, source=3.14159, prediction=7.94)
    assert confidence(results, 0, "") == "confidence <0.1% → 99.1%"
    assert confidence(results, 0, "control") == "timeout"
    results.table["control_status"], results.table["control_confidence"] = "flipped", 0.99999
    assert confidence(results, 0, "control") == "confidence >99.9%"
    results.summary["confidence_is"] = "logit margin"
    assert confidence(results, 0, "") == "logit margin 0.0001 → 0.991"
    results.table = results.table.drop(columns="confidence_before")
    assert confidence(results, 0, "") == "logit margin 0.991", "as older runs have it"
    results.class_names = []
    assert confidence(results, 0, "") == "value 3.14 → 7.94"


def test_certain_is_said_of_what_is_certain() -> None:
    found = [percent(p) for p in (0, 0.0009, 0.001, 0.5, 0.999, 0.9991, 1)]
    assert found == ["0.0%", "<0.1%", "0.1%", "50.0%", "99.9%", ">99.9%", "100.0%"]


def test_opinions(results: Results) -> None:
    nan = float("nan")
    assert opinions(results, pd.Series({"svm": 1.0})) == "svm agrees"
    assert opinions(results, pd.Series({"svm": 0.0})) == "svm disagrees"
    assert opinions(results, pd.Series({"svm": nan})) == "svm: no answer"
    assert opinions(results, pd.Series({"svm": 1.0, "cnn": nan})) == "1 of 2 models agree"
    assert opinions(results, pd.Series(dtype=float)) == ""
    results.class_names = []
    assert opinions(results, pd.Series({"svm": 1.0})) == "svm sees it"
    assert opinions(results, pd.Series({"svm": 0.0})) == "svm does not see it"


def test_values_agree_half_way(results: Results) -> None:
    results.class_names = []
    assert list(agreement(results, "")) == [], "what the oracles said of the originals is unknown"
    table = results.table.assign(source=2.0, target=10.0, source_oracle_svm=2.0, source_oracle_cnn=1.0)
    results.table = table.assign(oracle_svm=6.0, oracle_cnn=4.9, control_oracle_svm=float("nan"), control_oracle_cnn=9)
    assert agreement(results, "").iloc[0].to_dict() == {"svm": 1.0, "cnn": 0.0}
    control = agreement(results, "control").iloc[0]
    assert np.isnan(control["svm"]) and control["cnn"] == 1


def test_the_average_is_of_the_most_frequent_pair(results: Results) -> None:
    changes = mean_changes(results)
    shown = average(changes)
    assert shown is not None and (shown.pair, shown.flipped) == (changes[0].pair, changes[0].flipped)
    assert [p.label for p in shown.pictures] == ["mean x", "mean x′", "mean change", "control: mean change"]
    assert average([]) is None
