import pytest
import torch
from torch import nn

from counterfactuals import InputError, ReachClass
from counterfactuals.engine import Problem
from counterfactuals.methods.references import encoded


def test_encodings_with_the_classes_that_the_predictor_gives(linear_chart, linear_predictor) -> None:
    x = torch.randn(300, 6)  # more than are looked at in one go
    x[7] = torch.nan
    z, said = encoded(Problem(linear_predictor, linear_chart, ReachClass()), x, "Prototype")
    known = torch.arange(300) != 7
    assert torch.allclose(z, linear_chart.encode(x[known]), atol=1e-5), "what is not finite teaches nothing"
    assert torch.equal(said, linear_predictor(x[known]).argmax(1))
    with pytest.raises(InputError, match="Prototype: predictor or chart give NaN for all of 1 reference samples"):
        encoded(Problem(linear_predictor, linear_chart, ReachClass()), x[7:8], "Prototype")
    with pytest.raises(InputError, match="Prototype is for classes"):
        encoded(Problem(nn.Linear(6, 1), linear_chart, ReachClass()), x[:5], "Prototype")
