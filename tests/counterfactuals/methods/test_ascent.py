import pytest
import torch
from torch import nn

from counterfactuals import Ascent, Counterfactuals, InputError, PixelChart, ReachClass, Status, explain
from counterfactuals.engine import Problem, run
from networks.precision import uses_tf32


def test_one_step_is_the_closed_form(linear_chart, linear_predictor) -> None:
    """Linear chart x = A z + b, linear predictor W x + c: ∂ log p_t / ∂z = Aᵀ Wᵀ (e_t − p), and Adam's
    first step is η times its sign (up to ε)."""
    linear_chart, linear_predictor = linear_chart.double(), linear_predictor.double()
    x = torch.randn(5, 6, dtype=torch.float64)
    target = (linear_predictor(x).argmax(1) + 1) % 3
    method = Ascent(step_size=1e-3, max_steps=1, clip=None, keep_every=1)
    problem = Problem(linear_predictor.requires_grad_(False), linear_chart.requires_grad_(False), ReachClass(0.999999))
    cf = Counterfactuals.join([f.counterfactuals for f in run(method, problem, x, target)])
    p = linear_predictor(x).softmax(1)
    grad = (nn.functional.one_hot(target, 3) - p) @ linear_predictor.weight @ linear_chart.a
    expected = linear_chart.encode(x) + 1e-3 * grad / (grad.abs() + 1e-8)
    assert cf.steps.tolist() == [1] * 5
    assert torch.allclose(cf.z_prime, expected, atol=1e-12)
    assert cf.path is not None and torch.allclose(cf.path[:, 1], linear_chart.decode(expected), atol=1e-12)


@pytest.mark.parametrize("policy", ["chart", "pixels"])
def test_alone_as_in_a_batch(linear_chart, linear_predictor, policy: str) -> None:
    x = torch.randn(64, 6)
    target = (linear_predictor(x).argmax(1) + 1) % 3
    chart = linear_chart if policy == "chart" else PixelChart([6])
    method = Ascent(step_size=0.05, max_steps=300, clip=None)
    batch = explain(linear_predictor, chart, x, target, method)
    assert len(set(batch.steps.tolist())) > 5, "the searches should differ in length"
    for i in (0, 17, 63):
        alone = explain(linear_predictor, chart, x[i : i + 1], target[i : i + 1], method)
        assert alone.status[0] == batch.status[i] and alone.steps[0] == batch.steps[i]
        assert torch.allclose(alone.z_prime[0], batch.z_prime[i], atol=1e-5)


def test_first_hit_and_best_so_far(linear_chart, linear_predictor) -> None:
    x = torch.randn(40, 6)
    target = (linear_predictor(x).argmax(1) + 1) % 3
    long = explain(linear_predictor, linear_chart, x, target, Ascent(0.05, 500, clip=None), ReachClass(0.9))
    assert long.flipped.all() and (long.confidence > 0.9).all()
    assert torch.allclose(
        linear_predictor(long.counterfactual).softmax(1).gather(1, target[:, None])[:, 0], long.confidence, atol=1e-6
    )
    short = explain(linear_predictor, linear_chart, x, target, Ascent(0.05, 3, clip=None), ReachClass(0.9))
    late = long.steps > 3
    assert (short.status[late] == Status.TIMEOUT).all() and (short.steps[late] == 3).all()
    assert (short.confidence[late] > short.source_confidence[late]).all()
    assert torch.equal(short.z_prime[~late], long.z_prime[~late])


def test_extra_steps_lead_into_the_class(linear_chart, linear_predictor) -> None:
    x = torch.randn(40, 6)
    target = (linear_predictor(x).argmax(1) + 1) % 3
    first, further = (
        explain(linear_predictor, linear_chart, x, target, Ascent(0.05, 500, clip=None, extra_steps=k), ReachClass(0.9))
        for k in (0, 7)
    )
    assert further.flipped.all() and torch.equal(further.steps, first.steps + 7)
    assert (further.confidence > first.confidence).all()
    # Out of steps on the way into the class, a row has flipped all the same.
    stop = int(first.steps.max())
    cut = explain(
        linear_predictor, linear_chart, x, target, Ascent(0.05, stop, clip=None, extra_steps=7), ReachClass(0.9)
    )
    assert cut.flipped.all() and int(cut.steps.max()) == stop


def test_already_target_is_left_alone(linear_chart, linear_predictor) -> None:
    x = torch.randn(10, 6)
    cf = explain(linear_predictor, linear_chart, x, linear_predictor(x).argmax(1))
    assert (cf.status == Status.ALREADY_TARGET).all() and not cf.steps.any()
    assert torch.equal(cf.z, cf.z_prime) and torch.equal(cf.confidence, cf.source_confidence)


def test_a_bad_row_fails_alone(linear_chart, linear_predictor) -> None:
    x = torch.randn(6, 6)
    target = (linear_predictor(x).argmax(1) + 1) % 3
    clean = explain(linear_predictor, linear_chart, x, target, Ascent(clip=None))
    broken = x.clone()
    broken[2, 0] = float("nan")
    cf = explain(linear_predictor, linear_chart, broken, target, Ascent(clip=None))
    assert cf.status[2] == Status.FAILED and "input x is not finite" in cf.reasons[2]
    others = [0, 1, 3, 4, 5]
    assert torch.equal(cf.status[others], clean.status[others])
    assert torch.allclose(cf.z_prime[others], clean.z_prime[others], atol=1e-6)


class BreaksOnTheWay(nn.Module):
    """Logits of a linear model that are NaN once the first coordinate passes one."""

    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(2, 2, bias=False)
        nn.init.eye_(self.linear.weight)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.linear(x) + torch.where(x[:, :1] > 1, float("nan"), 0.0)


def test_a_number_that_breaks_on_the_way_keeps_the_best_point() -> None:
    x = torch.tensor([[0.0, 0.5], [-3.0, -2.9]])
    cf = explain(BreaksOnTheWay(), PixelChart([2]), x, 0, Ascent(0.1, 500, clip=None))
    assert cf.status.tolist() == [Status.FAILED, Status.FLIPPED]
    assert cf.reasons[0] == "the predictor's output is not finite (step 11)" and cf.reasons[1] == ""
    assert cf.counterfactual[0].isfinite().all() and 0.38 < cf.confidence[0] < 1


def test_nothing_is_left_on_the_models(linear_chart, linear_predictor) -> None:
    linear_predictor.train()
    x = torch.randn(4, 6)
    cf = explain(linear_predictor, linear_chart, x, 1)
    for p in (*linear_chart.parameters(), *linear_predictor.parameters()):
        assert p.grad is None and p.requires_grad
    assert linear_predictor.training
    assert not any(getattr(cf, name).requires_grad for name in ("counterfactual", "z_prime", "confidence"))


def test_bad_settings_are_listed_together() -> None:
    with pytest.raises(InputError, match=r"(?s)step_size must be positive; got 0.*max_steps must be positive; got -1"):
        Ascent(step_size=0, max_steps=-1)


def test_result_rows(linear_chart, linear_predictor) -> None:
    cf = explain(linear_predictor, linear_chart, torch.randn(7, 6), 2)
    assert isinstance(cf, Counterfactuals) and len(cf) == 7 == len(cf.reasons)


def test_bf16_returns_what_float32_confirms(linear_chart, linear_predictor) -> None:
    x = torch.randn(40, 6)
    target = (linear_predictor(x).argmax(1) + 1) % 3
    rough, sure = (
        explain(
            linear_predictor, linear_chart, x, target, Ascent(0.1, 20, None, extra_steps=2, bf16=b), ReachClass(0.6)
        )
        for b in (True, False)
    )
    assert 5 < rough.flipped.sum() < 40 and (rough.flipped == sure.flipped).float().mean() > 0.9
    assert torch.allclose(rough.counterfactual, linear_chart.decode(rough.z_prime), atol=1e-5)
    assert torch.allclose(rough.reconstruction, sure.reconstruction, atol=1e-5)
    confidence = linear_predictor(rough.counterfactual).softmax(1).gather(1, target[:, None])[:, 0]
    assert torch.allclose(rough.confidence, confidence, atol=1e-5) and (confidence[rough.flipped] > 0.6).all()
    assert not torch.equal(rough.z_prime, sure.z_prime), "the way there was another"


class Witness(nn.Module):
    """Notes whether a GPU would have taken TF32: with gradients, and without."""

    def __init__(self, predictor: nn.Module) -> None:
        super().__init__()
        self.predictor, self.seen = predictor, set[tuple[bool, bool]]()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.seen.add((x.requires_grad, uses_tf32()))
        return self.predictor(x)


def test_tf32_is_for_gradients_that_ask_for_it(linear_chart, linear_predictor) -> None:
    """torch's own default would convolve in it: searches, and what confirms them, do not."""
    x = torch.randn(8, 6)
    for tf32 in (False, True):
        witness = Witness(linear_predictor)
        target = (linear_predictor(x).argmax(1) + 1) % 3
        cf = explain(witness, linear_chart, x, target, Ascent(0.1, 20, None, tf32=tf32), ReachClass(0.6))
        assert (True, True) not in witness.seen or tf32
        assert cf.flipped.any() and witness.seen >= {(False, False), (True, tf32)}
    assert uses_tf32() == torch.backends.cudnn.allow_tf32
