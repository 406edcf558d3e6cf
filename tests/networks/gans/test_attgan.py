"""Networks that edit attributes, and see them."""

from collections.abc import Callable
from math import prod

import pytest
import torch
from torch import Tensor, nn

from networks import AttributeDiscriminator, AttributeGenerator, InputError
from networks.gans import Real, Seen

NAMES = ["Bald", "Young", "slant"]
SHAPES = [[3, 64, 64], [1, 28, 28], [2, 33, 20]]


def made(shape: list[int], shortcuts: int = 1, injections: int = 1) -> AttributeGenerator:
    torch.manual_seed(0)
    generator = AttributeGenerator(shape, NAMES, [4, 6, 8], shortcuts, injections)
    known = torch.tensor([[0.0, 0.0, -20.0], [1.0, 1.0, 30.0], [1.0, 0.0, 10.0]])
    generator.units.learn(known)
    return generator


def attributes(n: int) -> Tensor:
    return torch.rand(n, 3) * torch.tensor([1.0, 1.0, 40.0])


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize(("shortcuts", "injections"), [(0, 0), (1, 1), (2, 2), (0, 2), (2, 0)])
def test_every_size_comes_back(shape: list[int], shortcuts: int, injections: int) -> None:
    generator, x = made(shape, shortcuts, injections), torch.rand(3, *shape)
    latent = generator.encode(x)
    assert latent.shape == (3, generator.dim) and generator.dim == sum(prod(f) for f in generator.features)
    back = generator.decode(latent, attributes(3))
    assert back.shape == x.shape and bool(((back >= 0) & (back <= 1)).all())


def test_the_latent_holds_the_deepest_features_first() -> None:
    """Of 33×20: 17×10, 9×5, 5×3."""
    generator, x = made([2, 33, 20], shortcuts=2).eval(), torch.rand(2, 2, 33, 20)
    assert generator.features == [(8, 5, 3), (6, 9, 5), (4, 17, 10)]
    h, kept = 2 * x - 1, []
    for stage in generator.encoder:
        h = stage(h)
        kept.append(h.flatten(1))
    assert torch.equal(generator.encode(x), torch.cat(kept[::-1], 1))


@pytest.mark.parametrize("shape", SHAPES)
def test_an_image_does_not_depend_on_its_neighbours(shape: list[int]) -> None:
    generator, x, a = made(shape).eval(), torch.rand(5, *shape), attributes(5)
    discriminator = AttributeDiscriminator(shape, NAMES, [4, 6], features=8)
    assert torch.allclose(generator(x, a)[3:4], generator(x[3:4], a[3:4]), atol=1e-5)
    for one, every in zip(discriminator(x[3:4]), discriminator(x), strict=True):
        assert torch.allclose(every[3:4], one, atol=1e-5)


@pytest.mark.parametrize(("shortcuts", "injections"), [(0, 0), (1, 2), (2, 1)])
def test_every_attribute_and_every_feature_reaches_the_image(shortcuts: int, injections: int) -> None:
    generator = made([1, 28, 28], shortcuts, injections).eval()
    latent, a = generator.encode(torch.rand(4, 1, 28, 28)).detach(), attributes(4)
    x = generator.decode(latent.requires_grad_(), a.requires_grad_())
    of_latent, of_a = torch.autograd.grad(x.square().sum(), [latent, a])
    assert (of_a.abs().sum(0) > 0).all()
    for part in of_latent.split([prod(f) for f in generator.features], 1):
        assert part.count_nonzero() > 0.5 * part.numel()


def test_attributes_are_taken_in_their_own_unit() -> None:
    """Another unit of the same attribute is the same image."""
    generator, latent = made([1, 28, 28]).eval(), torch.randn(2, made([1, 28, 28]).dim)
    a = attributes(2)
    before = generator.decode(latent, a)
    for buffer in (generator.units.centre, generator.units.scale):
        buffer[2] *= 1000
    assert torch.allclose(generator.decode(latent, a * torch.tensor([1.0, 1.0, 1000.0])), before, atol=1e-5)


def test_gradients_reach_every_parameter() -> None:
    generator, x = made([1, 28, 28], 2, 2), torch.rand(6, 1, 28, 28)
    discriminator = AttributeDiscriminator([1, 28, 28], NAMES, [4, 6], features=8)
    real, seen = discriminator(generator(x, attributes(6)))
    (real.square().sum() + seen.square().sum()).backward()
    networks: list[nn.Module] = [generator, discriminator]
    assert not [name for m in networks for name, p in m.named_parameters() if p.grad is None or not p.grad.any()]


@pytest.mark.parametrize("shape", SHAPES)
def test_one_discriminator_has_two_answers(shape: list[int]) -> None:
    discriminator, x = AttributeDiscriminator(shape, NAMES, [4, 6], features=8), torch.rand(3, *shape)
    real, seen = discriminator(x)
    assert real.shape == (3,) and seen.shape == (3, 3)
    assert torch.equal(Real(discriminator)(x), real) and torch.equal(Seen(discriminator)(x), seen)


@pytest.mark.parametrize(
    ("make", "problem"),
    [
        (lambda: AttributeGenerator([3, 64, 64], NAMES, [4, 4], shortcuts=2), "shortcuts must be at most 1; got 2"),
        (lambda: AttributeGenerator([3, 64, 64], NAMES, [4], injections=1), "injections must be at most 0; got 1"),
        (lambda: AttributeGenerator([3, 64, 64], NAMES, [4, 4], -1), "shortcuts must not be negative; got -1"),
        (lambda: AttributeGenerator([3, 64, 64], [], [4, 4]), "no attributes: the data has none"),
        (lambda: AttributeGenerator([64], NAMES, [4, 4]), "takes images C×H×W"),
        (lambda: AttributeGenerator([3, 64, 64], NAMES, []), "needs at least one stage"),
        (lambda: AttributeDiscriminator([3, 8, 8], NAMES, [4], features=0), "features must be positive; got 0"),
    ],
)
def test_what_cannot_be_made(make: Callable[[], nn.Module], problem: str) -> None:
    with pytest.raises(InputError, match=problem):
        make()
