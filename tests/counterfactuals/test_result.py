import torch

from counterfactuals import Status, explain


def test_rows_and_moving(linear_chart, linear_predictor) -> None:
    x = torch.randn(9, 6)
    cf = explain(linear_predictor, linear_chart, x, 1)
    assert torch.equal(cf.searched, cf.status != Status.ALREADY_TARGET)
    moved = cf.to("cpu")
    assert torch.equal(moved.counterfactual, cf.counterfactual) and moved.reasons == cf.reasons
