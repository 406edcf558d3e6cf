import pytest
import torch
from torch import nn

from counterfactuals import (
    Ascent,
    AtLeast,
    Diverse,
    InputError,
    LatentSearch,
    Momentum,
    PixelChart,
    ReachClass,
    ReachLabel,
    RunnerUp,
    Status,
    explain,
)
from counterfactuals.goals.matched import Matched, judged, margin_of
from counterfactuals.goals.objectives import ReachAll, logit_margin

PIXELS = PixelChart([6])


def margins(predictor, cf) -> torch.Tensor:
    return logit_margin(predictor(cf.counterfactual), cf.target)


@pytest.mark.parametrize(
    "method", [Ascent(0.01, 2000, clip=None, optimizer=Momentum()), LatentSearch(32, 0.2, 80, None)]
)
def test_the_control_is_as_certain_row_by_row(linear_chart, linear_predictor, method) -> None:
    torch.manual_seed(0)
    x, method_in_z = torch.randn(40, 6), Ascent(0.1, 400, clip=None, extra_steps=5)
    own = explain(linear_predictor, linear_chart, x, RunnerUp(), method_in_z, ReachClass(0.6))
    short = explain(linear_predictor, PIXELS, x, RunnerUp(), method, ReachClass(0.6))
    control = explain(linear_predictor, PIXELS, x, RunnerUp(), method, ReachClass(0.6), slots=7, matched=own)
    wanted, reached = margins(linear_predictor, own), margins(linear_predictor, control)
    assert own.flipped.all() and control.flipped.all()
    assert (margins(linear_predictor, short) < wanted - 0.1).float().mean() > 0.8, "at Λ alone it stops short"
    assert (reached >= wanted).all() and (control.first_hit >= 0).all()
    assert torch.allclose(control.confidence, linear_predictor(control.counterfactual).softmax(1).amax(1), atol=1e-6)
    assert torch.equal(control.source_confidence, short.source_confidence)
    alone = explain(
        linear_predictor,
        PIXELS,
        x[9:10],
        own.target[9:10],
        method,
        ReachClass(0.6),
        matched=own.take(torch.tensor([9])),
    )
    assert torch.allclose(alone.counterfactual[0], control.counterfactual[9], atol=1e-5)


def test_it_lands_on_the_margin_where_the_predictor_is_linear(linear_chart, linear_predictor) -> None:
    x = torch.randn(30, 6)
    own = explain(linear_predictor, linear_chart, x, RunnerUp(), Ascent(0.1, 400, clip=None), ReachClass(0.9))
    control = explain(
        linear_predictor, PIXELS, x, RunnerUp(), Ascent(1e-3, 9000, clip=None), ReachClass(0.9), matched=own
    )
    wanted, reached = margins(linear_predictor, own), margins(linear_predictor, control)
    assert (((reached - wanted) < 0.02) | (control.confidence < 0.902)).all(), "no further than either asks for"


def test_what_reaches_the_class_and_not_the_margin_has_flipped(linear_chart, linear_predictor) -> None:
    x = torch.randn(20, 6)
    far = explain(linear_predictor, linear_chart, x, RunnerUp(), Ascent(0.1, 400, clip=None, extra_steps=300))
    some = explain(linear_predictor, PIXELS, x, RunnerUp(), Ascent(0.01, 250, clip=None), ReachClass(0.5), matched=far)
    score = linear_predictor(some.counterfactual).softmax(1).gather(1, some.target[:, None])[:, 0]
    assert torch.equal(some.flipped, score > 0.5) and (some.first_hit[some.flipped] < 0).any()
    # A counterfactual that did not flip has no margin to reach: then Λ alone decides.
    short = explain(linear_predictor, linear_chart, x, RunnerUp(), Ascent(1e-4, 1, clip=None))
    assert (short.status == Status.TIMEOUT).all()
    control = explain(linear_predictor, PIXELS, x, RunnerUp(), Ascent(0.01, 2000, clip=None), matched=short)
    assert control.flipped.all() and torch.allclose(control.confidence, torch.full([20], 0.99), atol=2e-3)


def test_values_and_labels_are_matched_too(linear_chart) -> None:
    torch.manual_seed(0)
    x, value, labels = torch.randn(15, 6), nn.Linear(6, 1), nn.Linear(6, 4)
    own = explain(value, linear_chart, x, 1.0, Ascent(0.1, 500, clip=None, extra_steps=8), AtLeast())
    control = explain(value, PIXELS, x, 1.0, Ascent(0.01, 3000, clip=None), AtLeast(), matched=own)
    assert (own.prediction[own.flipped] > 1.1).any() and (control.prediction >= own.prediction - 1e-5)[
        own.flipped
    ].all()
    objective = ReachLabel(0.8, hold_others=True)
    target = torch.full([15], 2)
    own = explain(labels, linear_chart, x, target, Ascent(0.1, 500, clip=None, extra_steps=5), objective)
    control = explain(labels, PIXELS, x, target, Ascent(0.01, 3000, clip=None), objective, matched=own)
    both = own.flipped & control.flipped
    before, found = judged(labels, objective, own, False).margin, judged(labels, objective, control, False).margin
    assert both.sum() > 5 and (found >= before - 1e-5)[both & (control.first_hit >= 0)].all()


def test_margins_do_not_saturate() -> None:
    logits, target = torch.tensor([[40.0, 0.0, 3.0], [0.0, 90.0, 3.0]]), torch.tensor([0, 1])
    assert margin_of(ReachClass(), logits, target).tolist() == [37.0, 87.0]
    p = torch.tensor([[0.75, 0.1], [1.0, 0.0]])
    found = margin_of(ReachAll(), p.log(), torch.tensor([0, 0]))
    assert found[0] == pytest.approx(torch.tensor(3.0).log().item(), rel=1e-5) and found[1].isfinite()
    assert margin_of(AtLeast(), torch.tensor([3.0]), torch.tensor([1.0])).tolist() == [2.0]


def test_sets_are_matched_and_sizes_must_agree(linear_chart, linear_predictor) -> None:
    x, wanted = torch.randn(6, 6), torch.full([6], 4.0)
    matched = Matched(ReachClass(), wanted)
    aim = matched.of(torch.tensor([3, 1])).aim(torch.tensor([0, 2]), torch.randn(2, 3))
    assert aim.own.tolist() == [0, 2] and aim.margin.tolist() == [4.0, 4.0]
    one = explain(linear_predictor, linear_chart, x, RunnerUp(), Ascent(0.1, 300, clip=None))
    several = Diverse(Ascent(0.05, 900, clip=None), 3)
    cf = explain(linear_predictor, PIXELS, x, RunnerUp(), several, matched=one)
    assert (margins(linear_predictor, cf) >= margins(linear_predictor, one).repeat_interleave(3) - 1e-5).all()
    with pytest.raises(InputError, match="matched has 2 rows, and 6 searches are asked for"):
        explain(linear_predictor, PIXELS, x, RunnerUp(), matched=one.take(torch.tensor([0, 1])))
