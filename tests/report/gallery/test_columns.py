import json

import numpy as np
import pandas as pd

from report.gallery.columns import columns_of, values_of


def test_columns_go_to_their_results() -> None:
    table = pd.DataFrame(
        {
            "index": [0, 1],
            "l2_x": [1.0, np.nan],
            "liu_l2_x": [2.0, 3.0],
            "liu_2_l2_x": [4.0, 5.0],
            "control_status": ["flipped", "failed"],
            "cout": [np.nan, np.nan],
            "reason": ["", ""],
            "source_oracle_svm": [3, 4],
            "reconstruction_oracle_svm": [3, 5],
            "reconstruction_error": [0.5, 0.25],
        }
    )
    columns = columns_of(table, ["", "liu", "liu_2", "control"])
    assert columns["shared"] == {"index": [0, 1]}
    assert columns[""] == {"l2_x": [1.0, None], "reconstruction_error": [0.5, 0.25]}, "what is empty is left out"
    assert columns["reconstruction"] == {"oracle_svm": [3, 5]}
    assert columns["liu"] == {"l2_x": [2.0, 3.0]} and columns["liu_2"] == {"l2_x": [4.0, 5.0]}
    assert columns["control"] == {"status": {"words": ["flipped", "failed"], "codes": [0, 1]}}
    assert columns["source"] == {"oracle_svm": [3, 4]}


def test_numbers_are_short() -> None:
    assert values_of(pd.Series([1 / 3, np.inf, 1e-9])) == [0.33333, None, 1e-9]
    assert values_of(pd.Series([True, False])) == [1, 0]
    assert json.dumps(values_of(pd.Series(["a", None, "a"]))) == '{"words": ["a", ""], "codes": [0, 1, 0]}'
