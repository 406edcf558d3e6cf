import pytest
import torch
from torch import Tensor, nn

from counterfactuals import Ascent, InputError, OwnClass, PixelChart, Polyak, ReachMargin, Surer, explain


class Hill(nn.Module):
    """Two logits, 1 − (a − 1)² and −1: the first class is surest at a = 1; b says nothing."""

    def forward(self, x: Tensor) -> Tensor:
        return torch.stack([1 - (x[:, 0] - 1) ** 2, -torch.ones(len(x))], 1)


X = torch.tensor([[0.9, 0.2], [0.3, 0.7], [0.99, 0.5]])


def searched(x: Tensor, slots: int = 8, **settings):
    settings = {"steps": 200, "step_size": 0.05, "clip": None} | settings
    return explain(Hill(), PixelChart([2]), x, OwnClass(), Surer(**settings), ReachMargin(0.1), slots=slots)


def test_a_sample_of_which_the_model_is_sure_becomes_surer_and_nothing_else_changes() -> None:
    cf = searched(X)
    assert torch.equal(cf.target, cf.source) and cf.flipped.all() and (cf.steps == 200).all()
    assert torch.allclose(cf.counterfactual[:, 0], torch.ones(3), atol=0.02)
    assert torch.equal(cf.counterfactual[:, 1], X[:, 1])
    assert (cf.confidence > cf.source_confidence).all()
    assert (explain(Hill(), PixelChart([2]), X, OwnClass(), Ascent(clip=None)).counterfactual == X).all()  # x′ = x


def test_long_steps_back_hold_it_where_it_was() -> None:
    far = X[1:2]
    free, held = (searched(far, back=back, steps=6).counterfactual[0, 0] for back in (0.0, 1.0))
    assert free > held > far[0, 0]


def test_a_rows_way_does_not_depend_on_its_neighbours() -> None:
    together, alone = searched(X), searched(X, slots=1)
    assert torch.equal(together.counterfactual, alone.counterfactual)


def test_numbers_out_of_their_range_are_named() -> None:
    for wrong, name in (({"steps": 0}, "steps"), ({"back": -1.0}, "back"), ({"optimizer": Polyak()}, "Polyak")):
        with pytest.raises(InputError, match=name):
            Surer(**wrong)
