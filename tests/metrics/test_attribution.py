from itertools import pairwise

import pytest
import torch
from scipy.stats import spearmanr

from metrics.attribution import area, blurred, deletion_insertion, mean_ranks, rank_correlation, top_overlap


def test_rank_correlation_is_spearmans_with_ties() -> None:
    torch.manual_seed(0)
    a, b = torch.randint(0, 9, (6, 5, 7)).float(), torch.randint(0, 30, (6, 5, 7)).float()
    b[1] = a[1]
    b[2] = -a[2]
    wanted = [spearmanr(m.flatten(), n.flatten()).statistic for m, n in zip(a, b, strict=True)]
    assert torch.allclose(rank_correlation(a, b), torch.tensor(wanted, dtype=torch.float32), atol=1e-6)
    assert rank_correlation(a, b)[1:3].tolist() == pytest.approx([1, -1])
    assert rank_correlation(torch.ones_like(a), b).isnan().all()
    assert mean_ranks(torch.tensor([[3.0, 1, 3, 2]])).tolist() == [[2.5, 0, 2.5, 1]]


def test_overlap_of_the_top_tenth() -> None:
    a = torch.arange(100.0).view(1, 10, 10).repeat(3, 1, 1)
    b = torch.stack([a[0], -a[0], a[0].roll(5)])
    assert top_overlap(a, b).tolist() == pytest.approx([1.0, 0.0, 0.5])
    torch.manual_seed(0)
    chance = top_overlap(torch.rand(500, 20, 20), torch.rand(500, 20, 20))
    assert chance.mean().item() == pytest.approx(0.1, abs=0.01)
    assert top_overlap(torch.zeros(1, 4, 4), torch.rand(1, 4, 4)).isnan().all()


def test_curves_of_a_model_that_counts_pixels() -> None:
    """p = the share of the left half that is as it was: the right map deletes it in the first half of the steps."""
    torch.manual_seed(0)
    x = torch.rand(2, 1, 8, 8)
    original = x.clone()

    def probability(images: torch.Tensor) -> torch.Tensor:
        return (images == original)[..., :4].float().flatten(1).mean(1)

    left = torch.zeros(2, 8, 8)
    left[..., :4] = 1
    right_map = deletion_insertion(probability, x, left, steps=4)
    wrong_map = deletion_insertion(probability, x, -left, steps=4)
    assert (
        right_map.deletion.tolist() == [[1, 0.5, 0, 0, 0]] * 2
        and right_map.insertion.tolist() == [[0, 0.5, 1, 1, 1]] * 2
    )
    assert wrong_map.deletion.tolist() == [[1, 1, 1, 0.5, 0]] * 2
    assert area(right_map.deletion).tolist() == [0.25, 0.25] and area(right_map.insertion).tolist() == [0.75, 0.75]


def test_the_ends_are_the_image_and_its_blurred_self() -> None:
    x = torch.rand(3, 3, 16, 16, generator=torch.Generator().manual_seed(0))
    seen: list[torch.Tensor] = []

    def probability(images: torch.Tensor) -> torch.Tensor:
        seen.append(images)
        return images.flatten(1).mean(1)

    curves = deletion_insertion(probability, x, torch.rand(3, 16, 16), steps=5)
    assert torch.equal(seen[0], x) and torch.allclose(seen[5], blurred(x, 0.1)) and torch.equal(seen[-1], x)
    assert torch.allclose(curves.deletion[:, 0], curves.insertion[:, -1])
    changed = [(a != b).any(1).flatten(1).float().mean(1) for a, b in pairwise(seen[:6])]
    assert all(torch.allclose(c, torch.full_like(c, 0.2), atol=0.02) for c in changed), "equal portions"


def test_blurring_keeps_a_flat_image_and_takes_away_detail() -> None:
    flat = torch.full((1, 1, 12, 20), 0.3)
    assert torch.allclose(blurred(flat, 0.1), flat, atol=1e-6)
    noise = torch.rand(1, 1, 40, 40, generator=torch.Generator().manual_seed(0))
    assert blurred(noise, 0.1).std() < 0.2 * noise.std() and blurred(noise, 0.1).shape == noise.shape
    assert blurred(torch.rand(1, 1, 2, 2), 0.5).shape == (1, 1, 2, 2)
