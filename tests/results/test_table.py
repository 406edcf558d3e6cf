import pytest
import torch

from counterfactuals import Ascent, PixelChart, explain
from counterfactuals.explanation import Explanation
from results.table import rows_of


def test_distances_in_x_are_norms_over_all_values() -> None:
    torch.manual_seed(0)
    predictor = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(12, 2))
    cf = explain(predictor, PixelChart([3, 2, 2]), torch.rand(6, 3, 2, 2), 1, Ascent())
    n = torch.arange(6)
    rows = rows_of(Explanation("", n, torch.zeros_like(n), n, cf, torch.zeros(6)))
    change = (cf.counterfactual - cf.x).flatten(1)
    assert change.abs().max() > 0.05
    for column, p in (("l1_x", 1), ("l2_x", 2)):
        assert rows[column].tolist() == pytest.approx(change.norm(p=p, dim=1).tolist(), rel=1e-5)
    assert rows["changed"].tolist() == pytest.approx((change.abs() > 0.05).float().mean(1).tolist())
