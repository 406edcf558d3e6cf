import torch

from callbacks.measures.held_out import HeldOut
from datamodules import Digits


def test_the_floor_is_that_of_real_samples_which_are_no_reference() -> None:
    """What is held out comes first from one split, then from the other, of every class as many as are asked for."""
    data, seen = Digits(), []
    splits = [data.split("val"), data.split("test")]
    held_out = HeldOut(splits, lambda labels: labels)
    of_class = [int(sum((split.y == k).sum() for split in splits)) for k in range(10)]
    counts = torch.tensor([3, 0, 10_000, *[0] * 7])
    embed = lambda x: seen.append(len(x)) or {"pooled": x.flatten(1)}  # noqa: E731
    labels, features = held_out.features([counts, counts.flip(0)], embed)
    assert [int((labels == k).sum()) for k in range(10)] == [3, 0, of_class[2], *[0] * 4, of_class[7], 0, 3]
    assert sum(seen) == len(labels) == len(features["pooled"])
    known = {tuple(x.flatten().tolist()): int(y) for split in splits for x, y in zip(split.x, split.y, strict=True)}
    assert [known[tuple(row)] for row in features["pooled"].tolist()] == labels.tolist()
    assert held_out.features([torch.zeros(10, dtype=torch.int64)], embed)[1] == {}
