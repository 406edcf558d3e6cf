import math

import pandas as pd

from metrics import summarize


def table() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "source": [4, 4, 4, 9, 3],
            "target": [9, 9, 3, 9, 9],
            "confidence": [0.99, 0.995, 0.6, 1.0, float("nan")],
            "reason": ["", "", "", "", "NaN in a gradient"],
            "status": ["flipped", "flipped", "timeout", "already_target", "failed"],
            "l2_x": [1.0, 3.0, 9.0, 0.0, 9.0],
            "l2_z": [2.0, 4.0, 9.0, 0.0, 9.0],
            "steps": [5, 9, 100, 0, 3],
            "seconds": [0.1, 0.1, 0.4, 0.0, 0.2],
            "reconstruction_error": [0.0, 0.0, 0.0, 0.0, 0.5],
        }
    )


def test_rates_are_over_what_was_searched() -> None:
    summary = summarize(table())
    assert summary["flip_rate"] == 0.5
    assert (summary["timeout"], summary["failed"]) == (1, 1)
    assert (summary["l2_x"], summary["l2_z"], summary["median_steps"]) == (2.0, 3.0, 7.0)
    assert math.isclose(summary["seconds_per_sample"], 0.2)


def test_nothing_flipped_is_not_a_number() -> None:
    rows = table().assign(status="timeout")
    assert summarize(rows)["flip_rate"] == 0 and math.isnan(summarize(rows)["l2_x"])


def test_counts_by_pair_and_reasons() -> None:
    summary = summarize(table())
    assert summary["pairs"] == [
        {"source": 3, "target": 9, "n": 1, "flipped": 0},
        {"source": 4, "target": 3, "n": 1, "flipped": 0},
        {"source": 4, "target": 9, "n": 2, "flipped": 2},
    ]
    assert summary["failures"] == {"timeout": 1, "NaN in a gradient": 1}
    assert summary["flip_rate_half"] == 0.75


def test_intervals_are_of_the_same_rows_as_the_values() -> None:
    low, high = summarize(table())["intervals"]["l2_x"]
    assert (low, high) == (1.0, 3.0)


def test_what_a_result_does_not_have_is_not_taken_from_the_charts() -> None:
    own = table().assign(im1=0.5, oracle_svm=9)
    control = own.drop(columns=["source", "target", "im1"]).assign(oracle_svm=4).add_prefix("control_")
    summary = summarize(pd.concat([own, control], axis=1), "control_")
    assert "im1" not in summary and summary["oracle_accuracy/svm"] == 0
    assert summarize(pd.concat([own, control], axis=1))["oracle_accuracy/svm"] == 1


def test_certificates() -> None:
    rows = table().assign(
        certificate=["green", "red", "red", "", "red"],
        certificate_reasons=["", "off the data manifold; svm disagrees", "no counterfactual: timeout", "", "…"],
    )
    summary = summarize(rows)
    assert summary["certificate"] == {"green": 1, "amber": 0, "red": 3}
    assert (summary["certified"], summary["on_manifold"]) == (0.25, 0.5)


def counted() -> pd.DataFrame:
    """Two who are to become many, one of which arrives, and one who is to become few."""
    columns = {
        "source": [1.0, 2.0, 8.0],
        "target": [10.0, 10.0, 0.0],
        "label": [1.0, 3.0, 8.0],
        "status": ["flipped", "timeout", "flipped"],
        "prediction": [10.5, 6.0, 0.0],
        "neighbours": [9.0, 5.0, 1.0],
        "source_oracle_unet": [2.0, 2.0, 8.0],
        "oracle_unet": [9.2, 4.0, 2.0],
        "control_oracle_unet": [2.9, 2.0, 8.0],
    }
    return table().iloc[:3].assign(**columns)


def test_values_are_summed_up_by_target() -> None:
    summary = summarize(counted())
    assert "pairs" not in summary and "flip_rate_half" not in summary and "oracle_accuracy/unet" not in summary
    assert math.isclose(summary["oracle_share/unet"], (7.2 / 9 + 6 / 8) / 2)
    low, high = summary["values"]
    assert (high["target"], high["n"], high["reached"]) == (10.0, 2, 1) and (low["n"], low["reached"]) == (1, 1)
    expected = {
        "label": 1,
        "source": 1,
        "prediction": 10.5,
        "neighbours": 9,
        "oracle_unet": 9.2,
        "source_oracle_unet": 2,
    }
    assert {name: high[name] for name in expected} == expected


def test_the_controls_values_are_compared_with_the_same_originals() -> None:
    control = ["status", "confidence", "steps", "seconds", "reconstruction_error", "reason", "prediction"]
    both = counted().assign(**{f"control_{name}": counted()[name] for name in control})
    summary = summarize(both, "control_")
    assert math.isclose(summary["oracle_share/unet"], (0.9 / 9 + 0) / 2)
    assert summary["values"][1]["source_oracle_unet"] == 2.0


def test_what_a_network_said_nan_of_is_counted_and_left_out() -> None:
    nan = float("nan")
    rows = table().assign(im1=[0.5, nan, nan, nan, nan], oracle_svm=[nan, 9, 9, 9, 9], ssim=nan)
    summary = summarize(rows)
    assert summary["not_finite"] == {"im1": 1, "oracle_svm": 1}
    assert summary["im1"] == 0.5 and summary["oracle_accuracy/svm"] == 1.0
    assert "not_finite" not in summarize(table())
