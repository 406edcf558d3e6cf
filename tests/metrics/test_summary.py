import math

import pandas as pd

from metrics import summarize


def table() -> pd.DataFrame:
    return pd.DataFrame(
        {
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
