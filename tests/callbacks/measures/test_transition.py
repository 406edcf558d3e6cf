from types import SimpleNamespace

import pytest
import torch
from torch import nn

from callbacks import Transition
from counterfactuals import ReachAll
from metrics import cout
from networks import Committee, InputError


def test_transition_against_the_metric(ran) -> None:
    module, collect, _, _ = ran
    for result in collect.results().values():
        cf = result.counterfactuals
        expected = cout(module.predictor, cf.x, cf.counterfactual, cf.source, cf.target)
        assert torch.allclose(result.columns["cout"], expected, atol=1e-5)
        p = module.predictor(cf.counterfactual).softmax(1).detach()
        top = p.topk(2).values
        assert torch.allclose(result.columns["margin"][cf.flipped], (top[:, 0] - top[:, 1])[cf.flipped], atol=1e-5)


def test_a_committee_has_the_smallest_probabilities_of_its_members() -> None:
    """Not their share in the sum of the smallest, which no member gives: 0.464/0.799 less 0.25/0.799."""
    members = [nn.Linear(1, 3), nn.Linear(1, 3)]
    for member, p in zip(members, ([0.25, 0.665, 0.085], [0.286, 0.464, 0.25]), strict=True):
        member.weight.data.zero_()
        member.bias.data = torch.tensor(p).log()
    cf = SimpleNamespace(
        x=torch.zeros(1, 1), counterfactual=torch.ones(1, 1), source=torch.tensor([0]), target=torch.tensor([1])
    )
    module = SimpleNamespace(predictor=Committee(members), objective=ReachAll(), device=torch.device("cpu"))
    explanation = SimpleNamespace(counterfactuals=cf, columns={})
    Transition()._update(explanation, module)  # type: ignore[arg-type]
    assert explanation.columns["margin"].item() == pytest.approx(0.464 - 0.25, abs=1e-5)
    assert explanation.columns["cout"].item() == pytest.approx(0.464 - 0.25, abs=1e-5)


def test_no_portions() -> None:
    with pytest.raises(InputError, match="must be positive; got 0"):
        Transition(steps=0)
