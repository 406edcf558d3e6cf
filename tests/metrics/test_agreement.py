import numpy as np

from metrics.agreement import agreement

LABELS = np.arange(60) % 3


def test_counts_and_chance() -> None:
    right = agreement(LABELS, LABELS, 3)
    assert (right.agree, right.n, right.by_chance, right.order) == (60, 60, False, None)
    guessed = agreement(np.random.default_rng(0).integers(0, 3, 60), LABELS, 3)
    assert guessed.by_chance and guessed.order is None
    assert not agreement(np.zeros(3, dtype=int), np.array([0, 1, 0]), 2).by_chance, "three samples say nothing"


def test_another_order_is_found() -> None:
    order = np.array([2, 0, 1])  # output that class 0, 1 and 2 are at
    found = agreement(order[LABELS], LABELS, 3)
    assert found.by_chance and found.order == [2, 0, 1] and found.ordered == 60
    noisy = order[LABELS].copy()
    noisy[:12] = LABELS[:12]
    assert agreement(noisy, LABELS, 3).order == [2, 0, 1]


def test_one_class_alone_is_no_order() -> None:
    """Explaining fours alone: the model's nine for all of them is what it says."""
    found = agreement(np.ones(20, dtype=int), np.zeros(20, dtype=int), 2)
    assert found.by_chance and found.ordered == 20
