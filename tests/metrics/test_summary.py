import math

import pandas as pd
import pytest
from scipy.stats import binomtest, t

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
    summary = summarize(table())
    assert summary["intervals"]["l2_x"] == pytest.approx(t.interval(0.95, 1, 2, 1))  # of 1 and 3
    assert summary["intervals"]["flip_rate"] == pytest.approx(binomtest(2, 4).proportion_ci(method="wilson"))
    assert (summary["rows"]["l2_x"], summary["rows"]["flip_rate"]) == (2, 4)


def test_what_a_result_does_not_have_is_not_taken_from_the_charts() -> None:
    own = table().assign(im1=0.5, oracle_svm=9)
    control = own.drop(columns=["source", "target", "im1"]).assign(oracle_svm=4).add_prefix("control_")
    summary = summarize(pd.concat([own, control], axis=1), "control_")
    assert "im1" not in summary and summary["oracle_accuracy/svm"] == 0
    assert summarize(pd.concat([own, control], axis=1))["oracle_accuracy/svm"] == 1


def judged() -> pd.DataFrame:
    """Five searches, of which three flipped; two oracles, of which one had given two originals the target already."""
    columns = {
        "index": range(5),
        "label": 0,
        "source": 0,
        "target": 1,
        "status": ["flipped", "flipped", "flipped", "timeout", "already_target"],
        "oracle_svm": [1, 1, 0, 1, 1],
        "oracle_cnn": [1, 0, 0, 1, 1],
        "source_oracle_svm": [1, 0, 0, 1, 1],
        "source_oracle_cnn": [0, 0, 0, 0, 1],
        "reconstruction_oracle_svm": [1, 1, 1, 1, 1],
        "reconstruction_oracle_cnn": [0, 0, 1, 0, 1],
    }
    return table().assign(**columns)


def test_agreement_stands_beside_what_was_said_without_a_search() -> None:
    summary = summarize(judged())
    names = ("accuracy", "accuracy_searched", "base", "reconstruction", "gain", "own_accuracy")
    found = {o: [summary.get(f"oracle_{name}/{o}") for name in names] for o in ("svm", "cnn", "all")}
    assert found["svm"] == pytest.approx([2 / 3, 2 / 4, 2 / 4, 1, 0, 2 / 5])
    assert found["cnn"] == pytest.approx([1 / 3, 1 / 4, 0, 1 / 4, 1 / 4, 4 / 5])
    assert found["all"][:5] == pytest.approx([1 / 3, 1 / 4, 0, 1 / 4, 1 / 4])
    assert (summary["rows"]["oracle_accuracy/svm"], summary["rows"]["oracle_gain/svm"]) == (3, 4)
    low, high = summary["intervals"]["oracle_gain/svm"]
    assert low < 0 < high and high - low < 1.5


def test_a_control_is_measured_from_the_same_originals() -> None:
    own = ["status", "confidence", "steps", "seconds", "reconstruction_error", "reason", "oracle_svm", "oracle_cnn"]
    for name in ("control_", "paper_control_"):
        both = judged().join(judged()[own].assign(oracle_svm=0).add_prefix(name))
        summary = summarize(both, name)
        assert (summary["oracle_base/svm"], summary["oracle_gain/svm"]) == (0.5, -0.5)
        assert "oracle_reconstruction/svm" not in summary and "label_agreement" not in summary


def test_at_a_half_is_a_probability_whatever_was_asked_for() -> None:
    """Under a margin the confidence is no probability, and 0.6 of it need not be half of the certainty."""
    rows = table().assign(confidence=[3.0, 0.2, 0.6, 1.0, 0.0], probability=[0.9, 0.45, 0.55, 0.9, 0.1])
    assert summarize(rows)["flip_rate_half"] == 2 / 4


def test_how_many_came_to_the_margin() -> None:
    summary = summarize(table().assign(matched=[True, False, True, True, False]))
    assert summary["matched"] == 2 / 4 and "matched" not in summarize(table())


def test_steps_end_at_the_first_hit() -> None:
    assert summarize(table().assign(first_hit=[2, 4, -1, -1, -1]))["median_steps"] == 3
    assert summarize(table())["median_steps"] == 7


def test_what_has_no_bound_is_a_median() -> None:
    rows = pd.concat([table().head(2)] * 2, ignore_index=True).iloc[:3]
    names = ("l2_z", "l2_z_class", "off_axis", "chart_error", "nonconformity")
    summary = summarize(rows.assign(**{name: [1.0, 2.0, 1e9] for name in names}))
    assert [summary[name] for name in names] == [2] * 5


def test_rows_of_one_image_are_not_independent() -> None:
    rows = pd.concat([table().head(2)] * 20, ignore_index=True).assign(status=["flipped", "timeout"] * 20)
    apart = summarize(rows.assign(index=range(40)))["intervals"]["flip_rate"]
    whole = summarize(rows.assign(status=["flipped"] * 20 + ["timeout"] * 20, index=[i // 4 for i in range(40)]))
    low, high = whole["intervals"]["flip_rate"]
    assert whole["rows"]["flip_rate"] == 40
    assert high - low > 1.7 * (apart[1] - apart[0]), "four rows of an image that are alike are one"


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
    low_end, high_end = summary["intervals"]["neighbours"]
    assert summary["neighbours"] == 5 and low_end < 5 < high_end and high_end > 1, "a mean of values, and no share"


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


def test_attributes_pair_by_pair_of_what_flipped() -> None:
    rows = pd.DataFrame(
        {
            "index": [0, 1, 2, 3, 4, 5],
            "source": [0, 0, 0, 1, 1, 0],
            "target": [1, 1, 1, 0, 0, 1],
            "status": ["flipped"] * 5 + ["timeout"],
            "told_glasses": [0.8, 0.9, 1.0, -0.5, -0.7, 0.0],
            "shift_glasses": [0.7, 0.6, 0.8, -0.4, -0.6, 0.0],
            "told_hat": [0.0, 0.1, -0.1, 0.0, 0.0, 9.0],
        }
    ).assign(confidence=1.0, reason="", l2_x=1.0, l2_z=1.0, steps=1, seconds=0.1, reconstruction_error=0.0)
    first, second, *others = summarize(rows)["attributes"]
    assert (first["source"], first["target"], first["attribute"], first["n"]) == (0, 1, "glasses", 3)
    assert math.isclose(first["told"], 0.9) and math.isclose(first["seen"], 0.7)
    spread = 0.1 / math.sqrt(3) * t.ppf(0.975, 2)
    assert first["told_interval"] == pytest.approx([0.9 - spread, 0.9 + spread])
    p = 2 * t.sf(0.9 / (0.1 / math.sqrt(3)), 2)
    assert math.isclose(first["told_p"], 2 * p), "two attributes were told, and are tested together"
    assert math.isclose(first["seen_p"], 2 * t.sf(0.7 / (0.1 / math.sqrt(3)), 2)), "and one was looked for"
    assert second["attribute"] == "hat" and math.isclose(second["told"], 0, abs_tol=1e-9) and "seen" not in second
    assert [(row["source"], row["attribute"]) for row in others] == [(1, "glasses"), (1, "hat")]
    assert "attributes" not in summarize(rows.assign(status="timeout"))


def test_attributes_of_values_are_those_of_all_searches() -> None:
    rows = table().assign(target=[9.5, 9.5, 9.5, 9.5, 9.5], shift_hat=[1.0, 2.0, 9.0, 9.0, 9.0])
    (row,) = summarize(rows)["attributes"]
    assert (row["source"], row["target"], row["seen"], row["n"]) == (None, None, 1.5, 2)
