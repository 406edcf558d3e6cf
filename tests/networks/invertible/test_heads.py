import math

import pytest
import torch
from torch.distributions import Categorical, Independent, MixtureSameFamily, Normal

from networks import GaussianMixture, Glow, InputError, InvertibleClassifier, LinearHead, VectorRealNVP

torch.manual_seed(0)


def mixture(dim: int = 5, num_classes: int = 3) -> GaussianMixture:
    torch.manual_seed(1)
    head = GaussianMixture(dim, num_classes, distance=2.0).double()
    head.means.data += torch.randn_like(head.means)
    head.log_weights.data += torch.randn_like(head.log_weights)
    return head.requires_grad_(False)


def test_the_mixtures_density_and_posterior_are_those_of_its_gaussians() -> None:
    head, z = mixture(), 2 * torch.randn(50, 5, dtype=torch.float64)
    each = Independent(Normal(head.means, torch.ones_like(head.means)), 1)
    same = MixtureSameFamily(Categorical(logits=head.log_weights), each)
    assert torch.allclose(head.log_prob(z), same.log_prob(z))
    joint = each.log_prob(z[:, None]) + head.log_weights.log_softmax(0)
    assert torch.allclose(head(z).log_softmax(1), joint.log_softmax(1))


@pytest.mark.parametrize(("dim", "num_classes"), [(784, 10), (12, 2), (13, 3)])
def test_means_start_equally_far_apart(dim: int, num_classes: int) -> None:
    means = GaussianMixture(dim, num_classes, distance=5.0).means.detach()
    apart = torch.cdist(means, means)[~torch.eye(num_classes, dtype=torch.bool)]
    assert torch.allclose(apart, torch.full_like(apart, 5.0), atol=1e-5)


def test_the_way_between_classes_takes_one_component_to_the_other() -> None:
    head = mixture()
    d = head.direction(torch.tensor([0, 2]), torch.tensor([1, 0]))
    assert torch.allclose(head.means[[0, 2]] + d, head.means[[1, 0]])


def test_a_cross_entropy_moves_the_latents_and_not_the_mixtures_means() -> None:
    head, z = mixture().requires_grad_(), torch.randn(6, 5, dtype=torch.float64, requires_grad=True)
    assert torch.equal(head.told_apart(z), head(z))
    head.told_apart(z).logsumexp(1).sum().backward()
    assert head.means.grad is None and head.log_weights.grad is None and z.grad.abs().min() > 0
    free = GaussianMixture(5, 3, free_means=True).double()
    free.told_apart(z).logsumexp(1).sum().backward()
    assert free.means.grad.abs().sum() > 0
    linear = LinearHead(5, 3).double()
    linear.told_apart(z).logsumexp(1).sum().backward()
    assert linear.weight.grad.abs().sum() > 0


def test_samples_are_of_the_classes_in_turn() -> None:
    head = mixture()
    z = head.sample(3000, 0.5, torch.Generator().manual_seed(0)).view(-1, 3, 5)
    assert torch.allclose(z.mean(0), head.means, atol=0.06)
    assert z.std(0).mean().item() == pytest.approx(0.5, abs=0.01)


def test_a_linear_heads_base_is_the_standard_normal_one() -> None:
    head, z = LinearHead(4, 3), torch.randn(7, 4)
    assert torch.allclose(head.log_prob(z), -0.5 * z.square().sum(1) - 2 * math.log(2 * math.pi))
    assert torch.allclose(head(z), z @ head.weight.T + head.bias)
    d = head.direction(torch.tensor([0]), torch.tensor([2]))
    rise = (head(z + d) - head(z))[:, 2] - (head(z + d) - head(z))[:, 0]
    assert torch.allclose(rise, d.square().sum().expand(7), atol=1e-4)


@pytest.mark.parametrize("head", [lambda d: GaussianMixture(d, 2), lambda d: LinearHead(d, 2)])
def test_a_classifiers_density_integrates_to_one(head) -> None:
    """In two dimensions, on a grid, for a flow that is not the identity."""
    torch.manual_seed(3)
    flow = VectorRealNVP([2], 3, [16])
    for p in flow.parameters():
        p.data += 0.1 * torch.randn_like(p)
    network = InvertibleClassifier(flow.eval(), head).double().requires_grad_(False)
    side = torch.linspace(-14, 14, 561, dtype=torch.float64)
    x = torch.cartesian_prod(side, side)
    said = network.classified(x)
    assert float(said.log_prob.exp().sum() * (side[1] - side[0]) ** 2) == pytest.approx(1, abs=1e-2)
    assert torch.allclose(said.logits, network(x))
    assert torch.allclose(network.encode_with_log_prob(x)[1], said.log_prob)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: GaussianMixture(8, 1), "num_classes must be at least 2; got 1"),
        (lambda: GaussianMixture(8, 3, distance=0.0), "distance must be positive; got 0.0"),
        (lambda: GaussianMixture(2, 3), "3 classes need as many dimensions at least; there are 2"),
        (lambda: LinearHead(0, 2), "dim must be positive; got 0"),
        (
            lambda: InvertibleClassifier(Glow([1, 4, 4], 1, 1, num_conditions=3), lambda dim: LinearHead(dim, 3)),
            "num_conditions must be 0; got 3",
        ),
    ],
)
def test_what_cannot_be_is_named(make, words: str) -> None:
    with pytest.raises(InputError, match=words):
        make()
