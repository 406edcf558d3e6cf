from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn

from networks import (
    DCDiscriminator,
    DCGenerator,
    InputError,
    InW,
    ProgressiveDiscriminator,
    ProgressiveGenerator,
    StyleDiscriminator,
    StyleGenerator,
)
from networks.gans import Growth

Pair = tuple[Callable[..., Any], Callable[..., nn.Module]]
DC: Pair = (
    lambda k: DCGenerator([3, 16, 16], 7, [8, 12], k),
    lambda k: DCDiscriminator([3, 16, 16], [8, 12], k),
)
PROGRESSIVE: Pair = (
    lambda k: ProgressiveGenerator([3, 16, 16], 7, [8, 6, 4], k),
    lambda k: ProgressiveDiscriminator([3, 16, 16], [8, 6, 4], k),
)
STYLE: Pair = (
    lambda k: StyleGenerator([3, 16, 16], 7, 9, [8, 6, 4], k, depth=2),
    lambda k: StyleDiscriminator([3, 16, 16], [8, 6, 4], k),
)


@pytest.mark.parametrize("pair", [DC, PROGRESSIVE, STYLE], ids=["dc", "progressive", "style"])
@pytest.mark.parametrize(("num_classes", "coordinates"), [(None, 7), (2, 8), (5, 12)])
def test_gradients_reach_every_parameter(pair: Pair, num_classes: int | None, coordinates: int) -> None:
    torch.manual_seed(0)
    generator, discriminator = (make(num_classes) for make in pair)
    y = None if num_classes is None else torch.arange(6) % num_classes
    z = generator.draw(6, y, torch.Generator().manual_seed(0))
    assert z.shape == (6, coordinates) == (6, generator.dim)
    x = grown_to(generator, 1.5)(z)
    logits = grown_to(discriminator, 1.5)(x, y)
    assert x.shape == (6, 3, 16, 16) and logits.shape == (6,)
    logits.square().sum().backward()
    grads = {n: p.grad for m in (generator, discriminator) for n, p in m.named_parameters()}
    assert not [name for name, grad in grads.items() if grad is None or (not grad.any() and "_image.0." not in name)]


@pytest.mark.parametrize("pair", [DC, PROGRESSIVE, STYLE], ids=["dc", "progressive", "style"])
def test_an_image_does_not_depend_on_its_neighbours(pair: Pair) -> None:
    torch.manual_seed(0)
    generator = pair[0](None).eval()
    z = torch.randn(5, 7)
    assert torch.allclose(generator(z)[3:4], generator(z[3:4]), atol=1e-6)


def test_sizes_that_are_no_powers_of_two() -> None:
    for shape in ([1, 28, 28], [2, 9, 7], [1, 8, 8]):
        x = DCGenerator(shape, 5, [4, 6])(torch.randn(3, 5))
        assert list(x.shape[1:]) == shape and bool(((x >= 0) & (x <= 1)).all())
        assert DCDiscriminator(shape, [4, 6])(x).shape == (3,)


def test_labels_are_coordinates() -> None:
    two, five = DCGenerator([1, 8, 8], 3, [4], 2), DCGenerator([1, 8, 8], 3, [4], 5)
    assert two.label(torch.tensor([0, 1])).tolist() == [[-1], [1]]
    assert five.label(torch.tensor([3])).tolist() == [[0, 0, 0, 1, 0]]
    two.class_shares.copy_(torch.tensor([0.9, 0.1]))
    assert float((two.draw(2000)[:, 3] > 0).float().mean()) == pytest.approx(0.1, abs=0.03)
    with pytest.raises(InputError, match="classes 0 to 4; got label 5"):
        five.label(torch.tensor([1, 5]))


def test_a_discriminators_classes_count() -> None:
    torch.manual_seed(0)
    discriminator, x = DCDiscriminator([1, 8, 8], [4], 3), torch.rand(2, 1, 8, 8)
    assert not torch.allclose(discriminator(x, torch.tensor([0, 1])), discriminator(x, torch.tensor([2, 2])))
    with pytest.raises(InputError, match="needs the labels"):
        discriminator(x)


def grown_to(network: nn.Module, grown: float) -> nn.Module:
    for module in network.modules():
        if isinstance(module, Growth):
            module.set(grown)
    return network


def test_growing_is_continuous_and_small_stages_are_small() -> None:
    torch.manual_seed(0)
    generator, discriminator = PROGRESSIVE[0](None), PROGRESSIVE[1](None)
    z, x = torch.randn(4, 7), torch.rand(4, 3, 16, 16)
    for grown in (1.0, 2.0):
        for network, given in ((generator, z), (discriminator, x)):
            before = grown_to(network, grown)(given)
            assert torch.allclose(before, grown_to(network, grown + 1e-4)(given), atol=1e-2)
            assert torch.allclose(before, grown_to(network, grown - 1e-4)(given), atol=1e-2)
    small = grown_to(generator, 0.0)(z)
    assert torch.equal(small, small[:, :, ::4, ::4].repeat_interleave(4, 2).repeat_interleave(4, 3))
    mixed = x + torch.tensor([1.0, -1.0]).repeat(8)  # of which averages over two pixels know nothing
    grown_to(discriminator, 1.0)
    assert torch.allclose(discriminator(x), discriminator(mixed), atol=1e-5)
    grown_to(discriminator, 2.0)
    assert not torch.allclose(discriminator(x), discriminator(mixed), atol=1e-5)


def test_idle_stages_have_gradients_of_zero() -> None:
    generator = grown_to(PROGRESSIVE[0](None), 0.5)
    generator(torch.randn(2, 7)).sum().backward()
    assert all(p.grad is not None for p in generator.parameters())
    assert not bool(generator.blocks[1][1].weight.grad.any())


def test_w_as_coordinates() -> None:
    torch.manual_seed(0)
    generator = STYLE[0](None).eval()
    z = torch.randn(3, 7)
    w, plus = InW(generator), InW(generator, plus=True)
    style = generator.style(z)
    assert w.dim == 9 and plus.dim == 9 * generator.num_styles == 54
    assert torch.allclose(w(style), generator(z), atol=1e-6)
    assert torch.allclose(plus(style.repeat(1, 6)), generator(z), atol=1e-6)
    drawn = torch.Generator().manual_seed(3)
    assert plus.draw(4, None, drawn).shape == (4, 54)


def test_truncation_moves_w_to_its_mean() -> None:
    torch.manual_seed(0)
    generator = StyleGenerator([1, 8, 8], 7, 9, [4, 4], depth=2, truncation=0.0)
    generator.train()
    for _ in range(20):
        generator(torch.randn(8, 7))
    generator.eval()
    images = generator(torch.randn(3, 7))
    assert torch.allclose(images[0], images[1]) and bool(generator.mapping.mean.any())


@pytest.mark.parametrize(
    ("make", "problem"),
    [
        (lambda: StyleGenerator([3, 28, 28], widths=[8, 8, 8]), "images of 28×28 are no squares"),
        (lambda: ProgressiveGenerator([3, 16, 32]), "images of 16×32"),
        (
            lambda: ProgressiveDiscriminator([3, 16, 16], [8, 8]),
            "at 4, 8, 16 pixels, 3 of them; got \\[8, 8\\]",
        ),
        (lambda: DCGenerator([1, 8, 8], num_classes=1), "num_classes must be at least 2; got 1"),
        (lambda: DCGenerator([1, 8, 8], 0), "latent_dim must be positive"),
        (lambda: DCGenerator([8]), "makes images C×H×W"),
        (lambda: StyleGenerator([1, 8, 8], widths=[4, 4], truncation=1.5), "truncation must lie in"),
    ],
)
def test_what_cannot_be_made(make: Callable[[], nn.Module], problem: str) -> None:
    with pytest.raises(InputError, match=problem):
        make()


def test_what_is_computed_again_has_the_same_gradient() -> None:
    torch.manual_seed(0)
    plain, again = (StyleGenerator([3, 16, 16], 5, 4, [6, 5, 4], recompute=flag).eval() for flag in (False, True))
    again.load_state_dict(plain.state_dict())
    found = []
    for generator in (plain, again):
        kept, z = [], torch.linspace(-1, 1, 10).view(2, 5).requires_grad_()
        with torch.autograd.graph.saved_tensors_hooks(lambda t, kept=kept: (kept.append(t.nbytes), t)[1], lambda t: t):
            x = generator(z)
        found.append((x.detach(), torch.autograd.grad(x.square().sum(), z)[0], sum(kept)))
    (x, grad, all_of_it), (same_x, same_grad, less) = found
    assert torch.equal(x, same_x) and torch.allclose(grad, same_grad, rtol=1e-5) and less < 0.4 * all_of_it
