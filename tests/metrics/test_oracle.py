import pandas as pd
import pytest
import torch

from metrics import decision, votes
from metrics.oracle import share_of_way

NAN = float("nan")


def test_all_of_them_agree_where_none_refuses_and_all_have_answered() -> None:
    said = {"oracle_a": [1, 1, 0, 1, 0], "oracle_b": [1, 0, 0, NAN, NAN], "source_oracle_a": 0}
    found = votes(pd.DataFrame({"target": 1, **said}))
    assert found.counterfactual["a"].tolist() == [1, 1, 0, 1, 0]
    assert found.counterfactual["b"].tolist() == pytest.approx([1, 0, 0, NAN, NAN], nan_ok=True)
    assert found.counterfactual["all"].tolist() == pytest.approx([1, 0, 0, NAN, 0], nan_ok=True)
    assert list(found.original) == ["a"], "one of two is not all of them"
    assert found.reconstruction.empty


def test_one_oracle_is_not_all() -> None:
    assert list(votes(pd.DataFrame({"target": [1], "oracle_a": [1]})).counterfactual) == ["a"]


def test_share_of_the_way_up_and_down() -> None:
    """From 2 to 10 an oracle sees 3 → 7: half of it; from 8 to 0 it sees 9 → 7: a quarter."""
    table = pd.DataFrame({"source": [2.0, 8.0], "target": [10.0, 0.0], "source_oracle_a": [3.0, 9.0]})
    table["oracle_a"], table["control_oracle_a"] = [7.0, 7.0], [3.0, 10.0]
    assert share_of_way(table, "a").tolist() == pytest.approx([0.5, 0.25])
    assert share_of_way(table, "a", "control_").tolist() == pytest.approx([0.0, -0.125])


def test_nan_is_no_decision() -> None:
    logits = torch.tensor([[1.0, 2.0], [torch.nan, 2.0], [3.0, -torch.inf]])
    assert decision(logits[[0, 2]]).tolist() == [1, 0] and decision(logits).isnan().tolist() == [False, True, False]
