import pytest
import torch

from callbacks import Transition
from metrics import cout
from networks import InputError


def test_transition_against_the_metric(ran) -> None:
    module, collect, _, _ = ran
    for result in collect.results().values():
        cf = result.counterfactuals
        expected = cout(module.predictor, cf.x, cf.counterfactual, cf.source, cf.target)
        assert torch.allclose(result.columns["cout"], expected, atol=1e-5)
        p = module.predictor(cf.counterfactual).softmax(1).detach()
        top = p.topk(2).values
        assert torch.allclose(result.columns["margin"][cf.flipped], (top[:, 0] - top[:, 1])[cf.flipped], atol=1e-5)


def test_no_portions() -> None:
    with pytest.raises(InputError, match="must be positive; got 0"):
        Transition(steps=0)
