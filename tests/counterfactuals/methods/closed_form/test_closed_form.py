"""α in closed form against bisection on what the classifier itself says of decoded images."""

import pytest
import torch
from torch import Tensor

from counterfactuals import (
    Ascent,
    AtLeast,
    Boundary,
    ClosedForm,
    Convincing,
    Diverse,
    EveryOther,
    FlowChart,
    InputError,
    InvertibleChart,
    MeanEncodings,
    Nearer,
    PixelChart,
    ReachClass,
    ReachMargin,
    RunnerUp,
    Status,
    explain,
)
from counterfactuals.engine import LearnsFromSamples, Problem
from counterfactuals.goals.matched import Matched, MatchedAim
from counterfactuals.goals.objectives import logit_margin
from counterfactuals.methods.closed_form import Line
from networks import GaussianMixture, InvertibleClassifier, LinearHead, VectorRealNVP

HEADS = {"mixture": lambda dim: GaussianMixture(dim, 4, 5.0), "linear": lambda dim: LinearHead(dim, 4)}


def classifier(head: str, dtype: torch.dtype = torch.float64) -> InvertibleClassifier:
    """A flow that is far from the identity."""
    torch.manual_seed(0)
    flow = VectorRealNVP([1, 4, 4], 4, [16])
    for p in flow.parameters():
        p.data += 0.1 * torch.randn_like(p)
    return InvertibleClassifier(flow.eval(), HEADS[head]).to(dtype).requires_grad_(False)


def searched(network: InvertibleClassifier, head: str, method: ClosedForm | Ascent, objective=None, n: int = 30):
    x = network.sample(n, generator=torch.Generator().manual_seed(1))
    return explain(network, InvertibleChart(network), x, EveryOther(), method, objective)


def line_of(network: InvertibleClassifier, n: int = 40) -> tuple[Line, Tensor, Tensor]:
    """Lines from samples of the classifier to other classes, z, and d."""
    z = network.classes.sample(n, generator=torch.Generator().manual_seed(2))
    source = network.head(z).argmax(1)
    target = (source + 1 + torch.arange(n) % 3) % 4
    d = network.classes.direction(source, target)
    return Line(network.head(z), d @ network.classes.weight.T, source, target), z, d


def bisected(inside, n: int, high: float = 400.0) -> Tensor:
    """The smallest α at which ``inside`` (n bool) holds, of a set that is an interval from there on."""
    low, high_ = torch.zeros(n, dtype=torch.float64), torch.full((n,), high, dtype=torch.float64)
    for _ in range(80):
        middle = (low + high_) / 2
        held = inside(middle)
        low, high_ = torch.where(held, low, middle), torch.where(held, middle, high_)
    return high_


@pytest.mark.parametrize("head", HEADS)
@pytest.mark.parametrize("confidence", [0.5, 0.9, 0.99, 0.99999])
def test_alpha_for_a_confidence_is_where_the_decoded_images_posterior_has_it(head: str, confidence: float) -> None:
    network = classifier(head)
    line, z, d = line_of(network)
    alpha = line.reaching(ReachClass(confidence), line.target)

    def confident(a: Tensor) -> Tensor:
        p = network(network.flow.inverse(z + a[:, None] * d)).softmax(1)
        return p.gather(1, line.target[:, None])[:, 0] >= confidence

    arrives = alpha.isfinite()
    assert arrives.float().mean() > 0.6
    assert torch.allclose(alpha, bisected(confident, len(z)).where(arrives, alpha), atol=1e-4)
    # Those that never arrive: no point of a fine grid is one of Λ.
    for a in torch.linspace(0, 20, 200, dtype=torch.float64):
        assert not (confident(a.expand(len(z))) & ~arrives).any()


@pytest.mark.parametrize("head", HEADS)
def test_of_two_classes_alpha_is_the_textbooks(head: str) -> None:
    """α = (logit Λ − m₀) / (d · (w_t − w_s)), exactly."""
    torch.manual_seed(0)
    own = {"mixture": GaussianMixture, "linear": LinearHead}[head](6, 2).double()
    z, s, t = torch.randn(20, 6, dtype=torch.float64), torch.arange(20) % 2, 1 - torch.arange(20) % 2
    d = own.direction(s, t)
    line = Line(own(z), d @ own.weight.T, s, t)
    m0 = logit_margin(own(z), t)
    wanted = (torch.logit(torch.tensor(0.95, dtype=torch.float64)) - m0) / d.square().sum(1)
    assert torch.allclose(line.reaching(ReachClass(0.95), t), wanted.clamp(min=0))
    assert torch.allclose(line.boundary(), -m0 / d.square().sum(1))


@pytest.mark.parametrize("margin", [0.0, 3.0])
def test_alpha_for_a_margin(margin: float) -> None:
    network = classifier("mixture")
    line, z, d = line_of(network)
    alpha = line.reaching(ReachMargin(margin), line.target)
    known = alpha.isfinite()
    ends = logit_margin(network(network.flow.inverse(z + alpha.where(known, 0.0)[:, None] * d)), line.target)
    assert known.all() and torch.allclose(ends, torch.full_like(ends, margin), atol=1e-9)


def test_matched_asks_for_both() -> None:
    network = classifier("mixture")
    line, *_ = line_of(network)
    margin = torch.linspace(0, 12, len(line.target), dtype=torch.float64)
    objective = Matched(ReachClass(0.99), margin)
    alpha = line.reaching(objective, MatchedAim(line.target, margin))
    end = line.at(alpha)
    p, m = end.softmax(1).gather(1, line.target[:, None])[:, 0], logit_margin(end, line.target)
    slack = torch.minimum(p - 0.99, m - margin)
    assert slack.min() > -1e-9 and slack.max() < 1e-9


def test_a_line_that_leads_into_another_class_does_not_arrive() -> None:
    """The target's logit rises by one, another's by two."""
    logits = torch.tensor([[1.0, 0.0, 0.5], [1.0, 0.0, -50.0]], dtype=torch.float64)
    slopes = torch.tensor([[0.0, 1.0, 2.0]] * 2, dtype=torch.float64)
    line = Line(logits, slopes, torch.tensor([0, 0]), torch.tensor([1, 1]))
    alpha = line.reaching(ReachClass(0.9), line.target)
    assert alpha[0].isinf() and alpha[1].item() == pytest.approx(1 + 2.197224577336219, abs=1e-6)
    still = Line(logits, torch.zeros_like(slopes), torch.tensor([0, 0]), torch.tensor([1, 1]))
    assert still.boundary().isinf().all() and still.reaching(ReachClass(), still.target).isinf().all()


@pytest.mark.parametrize("head", HEADS)
def test_boundary_and_mirror(head: str) -> None:
    network = classifier(head)
    x = network.sample(12, generator=torch.Generator().manual_seed(1)).float()
    network = network.float()
    for times in (1.0, 2.0):
        cf = explain(network, InvertibleChart(network), x, EveryOther(), ClosedForm(Boundary(times), clip=None))
        s, t = cf.source[:, None], cf.target[:, None]
        before, after = network(cf.x), network(cf.counterfactual)
        margin = [(logits.gather(1, t) - logits.gather(1, s))[:, 0] for logits in (before, after)]
        assert torch.allclose(margin[1], (1 - times) * margin[0], atol=2e-3) and (cf.steps == 1).all()


def test_the_slides_form_is_the_projection_onto_the_hyperplane() -> None:
    """f† = NN⁻¹(z − (βᵀz + b) β / ‖β‖²), β = β₁ − β₀: orthogonal, and so the nearest point of the boundary in Z."""
    torch.manual_seed(0)
    head = LinearHead(6, 2).double()
    z, s, t = torch.randn(20, 6, dtype=torch.float64), torch.zeros(20).long(), torch.ones(20).long()
    beta, b = head.weight[1] - head.weight[0], head.bias[1] - head.bias[0]
    d = head.direction(s, t)
    line = Line(head(z), d @ head.weight.T, s, t)
    assert torch.allclose(z + line.boundary()[:, None] * d, z - ((z @ beta + b) / beta.square().sum())[:, None] * beta)


@pytest.mark.parametrize("head", HEADS)
@pytest.mark.parametrize("confidence", [0.6, 0.99])
def test_in_float32_it_hits_lambda_in_one_decode(head: str, confidence: float) -> None:
    network = classifier(head, torch.float32)
    cf = searched(network, head, ClosedForm(clip=None), ReachClass(confidence))
    ends = cf.searched & (cf.steps == 1)
    assert ends.sum() > 0.6 * len(cf) and cf.flipped[ends].all()
    assert (cf.confidence[ends] - confidence).abs().max() < 1e-3
    assert (cf.confidence[cf.flipped] > confidence).all()
    said = network(cf.counterfactual).softmax(1).gather(1, cf.target[:, None])[:, 0]
    assert torch.allclose(said, cf.confidence, atol=1e-5)


def test_what_rounding_takes_back_is_tried_again() -> None:
    """With five grey values hardly any image keeps its decision at the first try."""
    network = classifier("mixture", torch.float32)
    x = network.sample(40, generator=torch.Generator().manual_seed(1)).clamp(0, 1).mul(4).round().div(4)
    wanted, method = {"levels": 5, "slots": 40}, ClosedForm(max_steps=9)
    cf = explain(network, InvertibleChart(network), x, RunnerUp(), method, ReachClass(0.6), **wanted)
    once = explain(network, InvertibleChart(network), x, RunnerUp(), ClosedForm(max_steps=1), ReachClass(0.6), **wanted)
    assert (cf.counterfactual * 4 == (cf.counterfactual * 4).round()).all()
    assert cf.flipped.sum() > once.flipped.sum() and cf.steps.max() > 1
    alone = [
        explain(network, InvertibleChart(network), x[i : i + 1], RunnerUp(), method, ReachClass(0.6), levels=5)
        for i in range(4)
    ]
    for i, one in enumerate(alone):
        assert one.status[0] == cf.status[i] and one.steps[0] == cf.steps[i]
        assert torch.allclose(one.z_prime[0], cf.z_prime[i], atol=1e-4)


def test_convincing_is_ecinns() -> None:
    network = classifier("mixture", torch.float32)
    cf = searched(network, "mixture", ClosedForm(Convincing(), clip=None))
    d = network.classes.direction(cf.source, cf.target)
    line = Line(network.head(cf.z).double(), (d @ network.classes.weight.T).double(), cf.source, cf.target)
    alpha = ((cf.z_prime - cf.z) * d).sum(1) / d.square().sum(1)
    assert torch.allclose(alpha, (0.8 + 0.5 * line.boundary()).float(), atol=1e-4)


def test_mean_encodings_are_learned_from_what_the_predictor_says() -> None:
    network = classifier("mixture", torch.float32)
    chart, direction = InvertibleChart(network), MeanEncodings()
    method = ClosedForm(direction=direction, clip=None)
    x = network.sample(400, generator=torch.Generator().manual_seed(3))
    with pytest.raises(InputError, match="no reference samples: call prepare"):
        explain(network, chart, x[:4], RunnerUp(), method)
    method.prepare(Problem(network, chart, ReachClass()), x)
    z, said = chart.encode(x), network(x).argmax(1)
    s, t = torch.tensor([0, 3]), torch.tensor([2, 1])
    wanted = torch.stack([z[said == b].mean(0) - z[said == a].mean(0) for a, b in zip(s, t, strict=True)])
    assert torch.allclose(direction.direction(s, t), wanted, atol=1e-5)
    assert not hasattr(ClosedForm(), "prepare"), "nothing is encoded where nothing is learned"
    around = [Nearer(Ascent(head_start=method)), Diverse(Ascent(head_start=method))]
    assert all(isinstance(m, LearnsFromSamples) and m.prepare == direction.prepare for m in around)
    assert not any(isinstance(m, LearnsFromSamples) for m in (Nearer(Ascent()), Ascent(head_start=ClosedForm())))
    found = explain(network, chart, x[:4], 2, method)
    assert found.flipped[found.searched].all()
    direction.means[2] = torch.nan
    lost = explain(network, chart, x[:4], 2, method)
    assert (lost.status[lost.searched] == Status.FAILED).all()
    assert "gives the target class to none of the reference" in lost.reasons[int(lost.searched.nonzero()[0])]
    ascent = explain(network, chart, x[:4], 2, Ascent(clip=None, head_start=method))
    assert ascent.flipped[ascent.searched].all(), "it begins at z then"


def test_as_a_head_start_it_leaves_an_ascent_on_another_model_less_to_do() -> None:
    network = classifier("mixture", torch.float32)
    other = InvertibleClassifier(network.flow, lambda dim: GaussianMixture(dim, 4, 5.0)).requires_grad_(False)
    torch.manual_seed(5)
    other.head.means.data.copy_(network.head.means + 0.2 * torch.randn_like(network.head.means))
    x = network.sample(30, generator=torch.Generator().manual_seed(1))
    started = Ascent(clip=None, head_start=ClosedForm())
    chart = InvertibleChart(network)
    plain, quick = (explain(other, chart, x, RunnerUp(), m, ReachClass(0.9)) for m in (Ascent(clip=None), started))
    assert plain.flipped.all() and quick.flipped.all()
    assert quick.steps.float().mean() < 0.5 * plain.steps.float().mean()
    assert torch.allclose(quick.reconstruction, x, atol=1e-4), "of x itself, wherever the ascent began"
    own = explain(network, chart, x, RunnerUp(), started, ReachClass(0.9))
    assert (own.steps == 0).all() and own.flipped.all(), "for the classifier itself nothing is left"
    nearer = explain(network, chart, x, RunnerUp(), Nearer(started, steps=5), ReachClass(0.9))
    assert nearer.flipped.all()


@pytest.mark.parametrize("method", [ClosedForm(), Ascent(head_start=ClosedForm())])
def test_it_is_refused_where_classes_have_no_place(method) -> None:
    network = classifier("mixture", torch.float32)
    x = torch.rand(2, 1, 4, 4)
    for chart in (PixelChart([1, 4, 4]), FlowChart(network.flow)):
        with pytest.raises(InputError, match="needs to know where in Z the classes are"):
            explain(network, chart, x, RunnerUp(), method)
    values = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(16, 1))
    with pytest.raises(InputError, match="ClosedForm is for classes"):
        explain(values, InvertibleChart(network), x, 3.0, method, AtLeast())
    more = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(16, 9)).requires_grad_(False)
    more[1].bias.data[:4] -= 50
    with pytest.raises(InputError, match="is out of range: the chart's classifier has 4 classes"):
        explain(more, InvertibleChart(network), x, RunnerUp(), method)


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"max_steps": 0}, "max_steps must be positive"),
        ({"amount": Boundary}, "must be an object, not the class Boundary"),
        ({"direction": 3}, "direction must be a Direction"),
        ({"clip": (1.0, 0.0)}, "clip must be two numbers"),
    ],
)
def test_wrong_arguments_are_named(wrong: dict, words: str) -> None:
    with pytest.raises(InputError, match=words):
        ClosedForm(**wrong)
    with pytest.raises(InputError, match="times must be positive"):
        Boundary(0.0)


def test_what_is_not_a_number_has_failed_and_the_others_have_not() -> None:
    network = classifier("mixture", torch.float32)
    x = network.sample(4, generator=torch.Generator().manual_seed(1))
    x[1] = torch.nan
    cf = explain(network, InvertibleChart(network), x, RunnerUp(), ClosedForm(clip=None))
    assert cf.status.tolist() == [Status.FLIPPED, Status.FAILED, Status.FLIPPED, Status.FLIPPED]
