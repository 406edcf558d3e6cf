import numpy as np
import pandas as pd
import pytest

from metrics import certify
from metrics.certificate.certificate import Thresholds
from metrics.samples import samples

ROW = {"status": "flipped", "p_manifold": 0.5, "chart_error": 0.0, "oracle_svm": 9, "oracle_cnn": 9}


@pytest.mark.parametrize(
    ("change", "colour", "reasons"),
    [
        ({}, "green", ""),
        ({"p_manifold": 0.1}, "amber", "at the edge of the data manifold"),
        ({"p_manifold": 0.04}, "red", "off the data manifold"),
        ({"p_manifold": np.nan}, "red", "off the data manifold"),
        ({"oracle_cnn": 4}, "amber", "cnn disagrees"),
        ({"oracle_cnn": np.nan}, "amber", "cnn gives no answer"),
        ({"chart_error": 0.06}, "amber", "the chart does not give it back"),
        ({"chart_error": np.nan}, "amber", "the chart does not give it back"),
        ({"status": "timeout"}, "red", "no counterfactual: timeout"),
        ({"status": "failed", "p_manifold": np.nan}, "red", "no counterfactual: failed"),
        ({"p_manifold": 0.01, "oracle_svm": 4}, "red", "off the data manifold; svm disagrees"),
        ({"status": "already_target"}, "", ""),
    ],
)
@pytest.mark.parametrize("prefix", ["", "control_"])
def test_colours_and_reasons(change: dict[str, float], colour: str, reasons: str, prefix: str) -> None:
    row = {prefix + name: value for name, value in {**ROW, **change}.items()}
    table = pd.DataFrame([{**row, "target": 9}], index=[7])
    found = certify(table, prefix, Thresholds())
    assert found.to_dict("records") == [{f"{prefix}certificate": colour, f"{prefix}certificate_reasons": reasons}]
    assert found.index.tolist() == [7]


def test_nothing_is_green_where_nothing_could_have_been_red() -> None:
    table = pd.DataFrame([{**ROW, "target": 9}, {**ROW, "target": 9, "status": "timeout"}])
    found = certify(table, "", able=False)
    assert found["certificate"].tolist() == ["amber", "red"]
    assert found["certificate_reasons"].tolist() == ["too few real samples to judge by", "no counterfactual: timeout"]
    row = {
        "index": 0,
        "label": 4,
        "source": 4,
        "confidence": 1.0,
        "steps": 1,
        "reconstruction_error": 0.0,
        "seconds": 0.0,
    }
    number = samples(pd.DataFrame([{**row, **ROW, "target": 9}]).join(found)).shares["on_manifold"]
    assert number.isna().all(), "what cannot fail is no share"


def test_another_results_oracles_are_not_asked() -> None:
    table = pd.DataFrame([{**ROW, "target": 9, "control_oracle_svm": 4}])
    assert certify(table, "")["certificate"].tolist() == ["green"]


@pytest.mark.parametrize(("said", "colour"), [(7.1, "green"), (6.9, "amber"), (np.nan, "amber")])
def test_an_oracle_of_values_agrees_from_half_of_the_way(said: float, colour: str) -> None:
    values = {"source": 2.0, "target": 10.0, "source_oracle_unet": 3.0, "oracle_unet": said}
    row = {"status": "flipped", "p_manifold": 0.5, "chart_error": 0.0, **values}
    assert certify(pd.DataFrame([row]), "")["certificate"].tolist() == [colour]
