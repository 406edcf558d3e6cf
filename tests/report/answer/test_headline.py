from typing import Any

from report.answer.headline import MOST, ORDER, Number, headlines, strictest
from results.meanings import MEANINGS

SUMMARY: dict[str, Any] = {
    "flip_rate": 0.5,
    "oracle_gain": 0.4,
    "oracle_gain/a": 0.4,
    "oracle_gain/b": 0.3,
    "oracle_gain/all": 0.25,
    "on_manifold": 0.9,
    "l1_x": 12.345,
    "ssim": 0.75,
    "neighbours": 0.6,
    "l2_x": 3.0,
    "intervals": {"flip_rate": [0.4, 0.6], "oracle_gain/all": [-0.1, 0.5], "ssim": [None, 0.8]},
    "control": {"flip_rate": 1.0, "oracle_gain/all": 0.1, "intervals": {"flip_rate": [0.95, 1.0]}},
}


def labels(summary: dict[str, Any]) -> list[str]:
    return [line.label for line in headlines(summary)]


def test_the_five_that_are_asked_for_with_the_control_beside() -> None:
    lines = headlines(SUMMARY)
    assert [line.label for line in lines] == [
        "flip rate",
        "oracle's gain: all of them",
        "on the manifold",
        "L1 in X",
        "SSIM",
    ]
    assert lines[0].numbers == [Number("50.0%", "40.0 – 60.0%"), Number("100.0%", "95.0 – 100.0%")]
    assert lines[1].numbers == [Number("+25.0%", "-10.0 – +50.0%"), Number("+10.0%", "")]
    assert lines[2].numbers == [Number("90.0%", ""), Number("–", "")]
    assert lines[4].numbers[0] == Number("0.750", ""), "half an interval is none"
    shown = ("flip_rate", "oracle_gain", "on_manifold", "l1_x", "ssim")
    assert [(line.says, line.meaning) for line in lines] == [(ORDER[key], MEANINGS[key][2]) for key in shown]
    assert [len(line.numbers) for line in headlines({**SUMMARY, "control": {}})] == [2] * 5
    del (alone := dict(SUMMARY))["control"]
    assert [len(line.numbers) for line in headlines(alone)] == [1] * 5


def test_what_is_missing_is_replaced_by_the_next() -> None:
    without = {key: value for key, value in SUMMARY.items() if key not in ("on_manifold", "ssim")}
    assert labels(without) == ["flip rate", "oracle's gain: all of them", "L1 in X", "neighbours", "L2 in X"]
    assert labels({**without, "flip_rate": None})[0] == "oracle's gain: all of them"
    assert labels({}) == [] and labels({"fid": 1.0}) == ["FID"]
    assert len(headlines(dict.fromkeys(MEANINGS, 0.5))) == MOST


def test_the_strictest_oracle() -> None:
    assert strictest(SUMMARY, "oracle_gain") == "oracle_gain/all" and strictest(SUMMARY, "ssim") == "ssim"
    one = {"oracle_gain": 0.4, "oracle_gain/a": 0.4}
    assert strictest(one, "oracle_gain") == "oracle_gain" and labels(one) == ["oracle's gain"]
    of_values = {"oracle_share": 0.9, "oracle_share/a": 0.9, "oracle_share/b": 0.7}
    assert labels(of_values) == ["oracle's share of the way: b"]
    assert headlines(of_values)[0].numbers == [Number("70.0%", "")]
    assert strictest({"oracle_share/a": None, "oracle_share/b": None}, "oracle_share") == "oracle_share"


def test_few_words_are_few() -> None:
    assert set(ORDER) <= set(MEANINGS) and all(len(says) < 50 for says in ORDER.values())
