import pytest
import torch

from networks.flows.signs import random_signs


def test_they_are_a_samples_own_and_do_not_depend_on_its_batch() -> None:
    x = torch.rand(40, 1, 4, 4, generator=torch.Generator().manual_seed(0))
    signs = random_signs(x, 3)
    assert signs.shape == (3, 40, 16) and signs.abs().eq(1).all()
    assert torch.equal(signs[:, 7:9], random_signs(x[7:9], 3)) and torch.equal(signs[:2], random_signs(x, 2))
    assert torch.equal(random_signs(x.double(), 3), signs.double()), "the same in another type"
    other = x.clone()
    other[0, 0, 0, 0] += 1e-6
    assert not torch.equal(random_signs(other, 3)[:, 0], signs[:, 0])
    assert torch.equal(random_signs(-torch.zeros(1, 16), 1), random_signs(torch.zeros(1, 16), 1))


def test_they_are_fair_and_independent() -> None:
    """Moments that Hutchinson's estimate rests on: E e = 0, E e eᵀ = 1, over samples and over vectors."""
    x = torch.rand(4000, 24, generator=torch.Generator().manual_seed(0))
    (one, two) = random_signs(x, 2)
    assert one.mean(0).abs().max() < 5 / 4000**0.5 and (one * two).mean(0).abs().max() < 5 / 4000**0.5
    assert (one.T @ one / 4000 - torch.eye(24)).abs().max() < 5 / 4000**0.5
    assert one.sum(1).var() == pytest.approx(24, rel=0.1)
    plain = random_signs(torch.arange(4000.0)[:, None].expand(-1, 24) / 4000, 1)[0]  # samples that hardly differ
    assert (plain.T @ plain / 4000 - torch.eye(24)).abs().max() < 5 / 4000**0.5


def test_the_draw_is_what_it_was() -> None:
    """Another machine, or process, draws these."""
    signs = random_signs(torch.arange(8.0).view(2, 4) / 7, 1)
    assert signs.tolist() == [[[-1.0, -1.0, 1.0, -1.0], [1.0, -1.0, 1.0, -1.0]]]
