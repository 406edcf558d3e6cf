import numpy as np
import pytest

from datamodules.base import SplitName
from datamodules.folders.splitting import assign_splits, together

FRACTIONS: dict[SplitName, float] = {"train": 0.8, "val": 0.1, "test": 0.1}


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("mixed", [False, True])
def test_units_are_not_divided_and_classes_have_their_shares(seed: int, mixed: bool) -> None:
    """Patients of 1 to 6 images, all of one class or each of its own."""
    rng = np.random.default_rng(seed)
    sizes = rng.integers(1, 7, 200)
    units = np.repeat(np.arange(200), sizes)
    of_unit = rng.choice(4, 200, p=[0.6, 0.25, 0.12, 0.03])
    labels = rng.choice(4, len(units), p=[0.6, 0.25, 0.12, 0.03]) if mixed else of_unit[units]
    names = [f"{i}.png" for i in range(len(units))]
    parts = assign_splits(labels.tolist(), units.tolist(), names, FRACTIONS, seed)
    assert sorted(p for part in parts.values() for p in part) == list(range(len(units)))
    assert sum(len(set(units[part])) for part in parts.values()) == 200
    for split, share in FRACTIONS.items():
        assert len(parts[split]) / len(units) == pytest.approx(share, abs=0.02)
        counts = np.bincount(labels[parts[split]], minlength=4)
        for label in range(4):
            if len(set(units[labels == label])) >= 3:
                assert counts[label] >= 1
                assert counts[label] == pytest.approx(
                    share * (labels == label).sum(), abs=7
                )  # one unit, or a little more


@pytest.mark.parametrize(
    ("n", "sizes"), [(1, [1, 0, 0]), (3, [1, 1, 1]), (4, [2, 1, 1]), (10, [8, 1, 1]), (15, [12, 2, 1])]
)
def test_small_classes(n: int, sizes: list[int]) -> None:
    parts = assign_splits([0] * n, range(n), [str(i) for i in range(n)], FRACTIONS, 0)
    found = [len(part) for part in parts.values()]
    assert found[0] == sizes[0] and sorted(found[1:]) == sorted(sizes[1:])


def test_rounding_evens_out_over_the_classes() -> None:
    labels = [label for label in range(100) for _ in range(15)]
    parts = assign_splits(labels, range(1500), [str(i) for i in range(1500)], FRACTIONS, 0)
    assert [len(part) for part in parts.values()] == [1200, 150, 150]


def test_what_belongs_together_by_either_kind() -> None:
    assert together(6, [[0, 1], [4, 5]], [[1, 2], [3]]) == [0, 0, 0, 1, 2, 2]
    assert together(2) == [0, 1] and together(3, [], []) == [0, 1, 2]
