import pytest
import torch
from torch import Tensor

from counterfactuals import Adam, Ascent, Diverse, InputError, Momentum, RunnerUp, Status, explain


def pairwise(z: Tensor) -> Tensor:
    """Mean distance between the members of sets of n×m×D."""
    m = z.shape[1]
    return torch.cdist(z, z).sum((1, 2)) / (m * (m - 1))


def ascent(optimizer=None) -> Ascent:
    return Ascent(0.05, 1000, clip=None, optimizer=optimizer or Adam())


def test_a_set_of_valid_counterfactuals_for_every_sample(linear_chart, linear_predictor) -> None:
    x = torch.randn(9, 6)
    cf = explain(linear_predictor, linear_chart, x, RunnerUp(), Diverse(ascent(), members=3), slots=4)
    assert len(cf) == 27 and cf.flipped.all()
    assert torch.equal(cf.x, x.repeat_interleave(3, 0)), "a sample's members stand together"
    assert torch.equal(cf.target.view(9, 3)[:, 0], cf.target.view(9, 3)[:, 2])


def test_the_first_member_starts_at_z_and_nothing_pushes_it(linear_chart, linear_predictor) -> None:
    x = torch.randn(5, 6)
    cf = explain(linear_predictor, linear_chart, x, RunnerUp(), Diverse(ascent(), 3, repulsion=0.0))
    alone = explain(linear_predictor, linear_chart, x, RunnerUp(), ascent())
    assert torch.allclose(cf.z_prime[::3], alone.z_prime, atol=1e-5) and torch.equal(cf.steps[::3], alone.steps)


@pytest.mark.parametrize("bf16", [False, True])
def test_every_member_knows_what_the_original_decodes_to(bf16: bool, linear_chart, linear_predictor) -> None:
    x = torch.randn(5, 6)
    cf = explain(linear_predictor, linear_chart, x, RunnerUp(), Diverse(Ascent(0.05, 300, clip=None, bf16=bf16), 3))
    assert torch.allclose(cf.reconstruction, cf.x, atol=1e-5), "decode(encode(x)), not of where the member began"


def test_repulsion_spreads_a_set(linear_chart, linear_predictor) -> None:
    x = torch.randn(30, 6)
    spread = [
        pairwise(
            explain(
                linear_predictor, linear_chart, x, RunnerUp(), Diverse(ascent(Momentum()), 4, 0.3, repulsion=w)
            ).z_prime.view(30, 4, -1)
        ).mean()
        for w in (0.0, 3.0)
    ]
    assert spread[1] > 1.2 * spread[0]


def test_members_push_along_the_kernels_gradient_and_never_against_the_ascent() -> None:
    method, z = Diverse(ascent(), 3, spread=0.7, repulsion=2.0), torch.randn(2, 3, 5, dtype=torch.float64)
    z.requires_grad_()
    h = (5 * 0.7**2) ** 0.5
    kernel = torch.exp(-(z[:, :, None] - z[:, None]).square().sum(-1) / (2 * h**2))
    # Every pair stands twice in the sum, and each member has its own half.
    (grad,) = torch.autograd.grad(kernel.sum() / 2, z)
    away = method._away(z.detach())
    assert torch.allclose(away, -h * grad)
    ascending = torch.randn(6, 5, dtype=torch.float64)
    bent = method._bend(ascending, away.flatten(0, 1))
    assert torch.allclose((bent * ascending).sum(1), ascending.square().sum(1)), "as far up as before"
    aside = bent - ascending
    assert ((aside * away.flatten(0, 1)).sum(1) < 0).all(), "descent is away from the others"
    assert torch.equal(method._bend(torch.zeros(6, 5), torch.ones(6, 5)), torch.zeros(6, 5))


def test_a_set_does_not_depend_on_its_batch(linear_chart, linear_predictor) -> None:
    x, method = torch.randn(7, 6), Diverse(ascent(), 3)
    together = explain(linear_predictor, linear_chart, x, RunnerUp(), method)
    alone = explain(linear_predictor, linear_chart, x[4:5], RunnerUp(), method)
    assert torch.allclose(together.z_prime[12:15], alone.z_prime, atol=1e-5)


def test_one_that_is_there_already_and_one_that_cannot_be_encoded(linear_chart, linear_predictor) -> None:
    x = torch.randn(3, 6)
    x[1, 0] = torch.nan
    target = (linear_predictor(x.nan_to_num()).argmax(1) + 1) % 3
    target[2] = linear_predictor(x[2:]).argmax()
    cf = explain(linear_predictor, linear_chart, x, target, Diverse(ascent(), 2))
    f, bad, there = Status.FLIPPED, Status.FAILED, Status.ALREADY_TARGET
    assert cf.status.tolist() == [f, f, bad, bad, there, there]


@pytest.mark.parametrize(
    ("settings", "message"),
    [({"members": 1}, "members must be at least 2; got 1"), ({"spread": 0.0}, "spread"), ({"repulsion": -1.0}, "rep")],
)
def test_refuses_what_makes_no_set(settings: dict, message: str) -> None:
    with pytest.raises(InputError, match=message):
        Diverse(ascent(), **settings)
