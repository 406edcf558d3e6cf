import pytest
import torch
from sklearn.neighbors import NearestNeighbors

from metrics import Nearest, label_share
from metrics.realism import neighbours


def test_against_scikit_learn() -> None:
    queries, references = torch.rand(50, 3, 4), torch.rand(300, 3, 4)
    expected = NearestNeighbors(n_neighbors=10).fit(references.flatten(1)).kneighbors(queries.flatten(1))
    found = Nearest(references)(queries, 10)
    assert found.positions.tolist() == expected[1].tolist()
    assert torch.allclose(found.distances, torch.from_numpy(expected[0]).float(), atol=1e-6)


def test_the_batch_does_not_matter(monkeypatch: pytest.MonkeyPatch) -> None:
    queries, references = torch.rand(20, 5), torch.rand(40, 5)
    whole = Nearest(references)(queries, 3)
    monkeypatch.setattr(neighbours, "AT_ONCE", 7 * 40)
    assert torch.equal(Nearest(references)(queries, 3).positions, whole.positions)


def test_a_reference_is_its_own_neighbour_at_distance_zero() -> None:
    references = 1000 + torch.rand(100, 784)  # far from the origin, where squares lose digits
    found = Nearest(references)(references[:5], 2)
    assert found.positions[:, 0].tolist() == [0, 1, 2, 3, 4] and found.distances[:, 0].tolist() == [0] * 5


def test_of_equally_far_ones_the_first_is_nearer() -> None:
    """Images of 17 grey values, each three times, and one query among many: as alone."""
    torch.manual_seed(0)
    images = torch.randint(17, (40, 64)) / 16
    found = Nearest(images.repeat(3, 1))
    queries = torch.randint(17, (30, 64)) / 16
    together, alone = found(queries, 4).positions, torch.cat([found(q[None], 4).positions for q in queries])
    assert torch.equal(together, alone)
    assert torch.equal(together[:, :3] - together[:, :1], torch.tensor([[0, 40, 80]]).expand(30, 3))


def test_fewer_references_than_candidates() -> None:
    assert Nearest(torch.rand(3, 2))(torch.zeros(1, 2), 3).positions.sort().values.tolist() == [[0, 1, 2]]


def test_share_of_the_targets_labels() -> None:
    labels = torch.tensor([[9, 9, 4, 9], [4, 4, 4, 4]])
    assert label_share(labels, torch.tensor([9, 9])).tolist() == [0.75, 0.0]
