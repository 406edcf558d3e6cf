import pytest
import torch
from torch import Tensor, nn

from counterfactuals import (
    Adam,
    Ascent,
    Box,
    InputError,
    Nearer,
    PixelChart,
    PixelL2,
    Polyak,
    ReachClass,
    ReachMargin,
    Smoothing,
    Status,
    explain,
)
from counterfactuals.goals.matched import judged

W = torch.tensor([1.0, -2.0, 0.5, 0.0])


def linear() -> nn.Linear:
    """Two classes in four dimensions: margin w·x + b."""
    predictor = nn.Linear(4, 2)
    with torch.no_grad():
        predictor.weight.copy_(torch.stack([torch.zeros(4), W]))
        predictor.bias.copy_(torch.tensor([0.3, -0.4]))
    return predictor.requires_grad_(False)


def margin(x: Tensor) -> Tensor:
    return x @ W - 0.7


def originals(n: int = 6) -> Tensor:
    """Margins of −2.7 to −3.7."""
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(n, 4, generator=generator)
    return x - (x @ W + 2 + torch.rand(n, generator=generator))[:, None] * W / (W @ W)


def test_the_nearest_point_of_the_same_margin() -> None:
    """Adam's signs lead away from w; the nearest point at margin m lies on w, (m − m₀)/‖w‖ away."""
    x = originals()
    ascent = Ascent(0.2, 200, clip=None, optimizer=Adam(), extra_steps=3)
    arrived = explain(linear(), PixelChart([4]), x, 1, ascent)
    m = margin(arrived.counterfactual)
    cf = explain(linear(), PixelChart([4]), x, 1, Nearer(ascent, PixelL2(), steps=200, step_size=0.1))
    moved, nearest = cf.counterfactual - x, ((m - margin(x)) / W.norm())[:, None] * W / W.norm()
    assert cf.flipped.all() and (margin(cf.counterfactual) >= m - 1e-4).all()
    assert torch.allclose(moved, nearest, atol=0.04 * float(nearest.norm(dim=1).max()))
    assert ((arrived.counterfactual - x).norm(dim=1) > 1.1 * moved.norm(dim=1)).all(), "there was something to gain"
    assert torch.equal(cf.first_hit, arrived.first_hit) and torch.equal(cf.steps, arrived.steps + 200)


def test_least_of_the_absolute_change_leaves_most_pixels_alone() -> None:
    """‖·‖₁ at a given margin is least where the coordinate with the largest weight moves alone."""
    x = originals()
    ascent = Ascent(0.5, 200, clip=None, optimizer=Polyak(0.5, 0.1))
    arrived = explain(linear(), PixelChart([4]), x, 1, ascent, ReachMargin(2.0))
    cf = explain(linear(), PixelChart([4]), x, 1, Nearer(ascent, steps=300, step_size=0.1), ReachMargin(2.0))
    moved = (cf.counterfactual - x).abs()
    least = (margin(arrived.counterfactual) - margin(x)) / 2
    assert (moved.sum(1) < 1.1 * least).all() and (moved[:, [0, 2]] < 0.1 * least[:, None]).all()
    assert (cf.confidence >= 2 - 1e-4).all(), "scores are the objective's own again"


def test_what_did_not_arrive_or_had_nothing_to_do_is_as_the_ascent_leaves_it() -> None:
    x = originals(3)
    x[1] = 5 * W
    ascent = Ascent(0.01, 3, clip=None)
    alone, cf = (explain(linear(), PixelChart([4]), x, 1, m) for m in (ascent, Nearer(ascent)))
    assert cf.status.tolist() == [Status.TIMEOUT, Status.ALREADY_TARGET, Status.TIMEOUT]
    assert torch.equal(cf.counterfactual, alone.counterfactual) and torch.equal(cf.steps, alone.steps)


def test_the_ascents_constraints_hold_on_the_way_back() -> None:
    torch.manual_seed(0)
    predictor = nn.Sequential(nn.Flatten(), nn.Linear(36, 2, bias=False)).requires_grad_(False)
    predictor[1].weight *= 4
    x, chart = torch.rand(5, 1, 6, 6), PixelChart([1, 6, 6])
    target = 1 - predictor(x).argmax(1)
    box = Nearer(Ascent(0.1, 100, optimizer=Adam(), region=Box(0, 0, 6, 3)))
    locked = Nearer(Ascent(0.1, 100, optimizer=Adam(), locked=[0, 7], smoothing=Smoothing(4, 0.1)), PixelL2())
    inside, free = (explain(predictor, chart, x, target, m, ReachClass(0.6), levels=256) for m in (box, locked))
    assert inside.flipped.all() and free.flipped.all()
    changed = (inside.counterfactual - x).abs().amax((0, 1)) > 1 / 255
    assert changed.any() and not (changed[:, 3:].any() and changed[3:].any())
    assert torch.equal(free.z_prime[:, [0, 7]], free.z[:, [0, 7]])
    for cf in (inside, free):
        found = judged(predictor, ReachClass(0.6), cf, False)
        assert torch.allclose(found.counterfactuals.confidence, cf.confidence, atol=1e-6)
        assert torch.allclose(cf.counterfactual * 255, (cf.counterfactual * 255).round(), atol=1e-3)


def test_rows_know_nothing_of_each_other() -> None:
    """They arrive after different numbers of steps: some climb while others are on their way back."""
    x = originals()
    method = Nearer(Ascent(0.1, 200, clip=None, optimizer=Adam(), smoothing=Smoothing(4, 0.2)), steps=7)
    together = explain(linear(), PixelChart([4]), x, 1, method)
    assert len(together.first_hit.unique()) > 1
    for i in range(len(x)):
        alone = explain(linear(), PixelChart([4]), x[i : i + 1], 1, method)
        assert torch.allclose(alone.counterfactual, together.counterfactual[i : i + 1], atol=1e-5)
        assert alone.steps == together.steps[i]


def test_mistakes_are_listed_together() -> None:
    with pytest.raises(InputError, match=r"(?s)steps must be positive; got 0.*keep_every must be 0.*got 5"):
        Nearer(Ascent(keep_every=5), steps=0)
