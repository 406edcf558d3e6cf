import pandas as pd
import pytest
import torch

from metrics import OracleAccuracy, agrees, decision
from metrics.oracle import share_of_way


def test_counts_over_uneven_batches() -> None:
    logits, target = torch.randn(50, 4), torch.randint(4, (50,))
    metric = OracleAccuracy()
    for part in (slice(0, 7), slice(7, 30), slice(30, 50)):
        metric.update(logits[part], target[part])
    assert float(metric.compute()) == float(agrees(logits, target).float().mean())


def test_nothing_counted_is_not_a_number() -> None:
    metric = OracleAccuracy()
    metric.update(torch.randn(0, 4), torch.zeros(0, dtype=torch.long))
    assert metric.compute().isnan()


def test_share_of_the_way_up_and_down() -> None:
    """From 2 to 10 an oracle sees 3 → 7: half of it; from 8 to 0 it sees 9 → 7: a quarter."""
    table = pd.DataFrame({"source": [2.0, 8.0], "target": [10.0, 0.0], "source_oracle_a": [3.0, 9.0]})
    table["oracle_a"], table["control_oracle_a"] = [7.0, 7.0], [3.0, 10.0]
    assert share_of_way(table, "a").tolist() == pytest.approx([0.5, 0.25])
    assert share_of_way(table, "a", "control_").tolist() == pytest.approx([0.0, -0.125])


def test_nan_is_no_decision() -> None:
    logits = torch.tensor([[1.0, 2.0], [torch.nan, 2.0], [3.0, -torch.inf]])
    assert decision(logits[[0, 2]]).tolist() == [1, 0] and decision(logits).isnan().tolist() == [False, True, False]
    metric = OracleAccuracy()
    metric.update(logits, torch.tensor([1, 0, 1]))
    assert float(metric.compute()) == 0.5
