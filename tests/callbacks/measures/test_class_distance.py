import numpy as np
import pytest
import torch


def test_class_distances_against_a_loop(ran) -> None:
    module, collect, data, _ = ran
    result, selection = collect.results()["control"], data.predict_selection()
    cf, all_x = result.counterfactuals, selection.__getitems__(list(range(20)))["x"]
    for row in range(5):
        of_class = all_x[selection.y == result.y[row]]
        drawn = of_class[torch.randperm(len(of_class), generator=torch.Generator().manual_seed(0))[:5]]
        apart = [float((cf.counterfactual[row] - x).norm()) for x in drawn]
        assert float(result.columns["l2_x_class"][row]) == pytest.approx(np.mean(apart), rel=1e-4)
        z = module.chart.encode(torch.cat([cf.counterfactual[row][None], drawn])).detach()
        assert float(result.columns["l2_z_class"][row]) == pytest.approx(
            float((z[1:] - z[0]).norm(dim=1).mean()), rel=1e-3
        )
