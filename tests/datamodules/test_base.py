from collections.abc import Sequence
from types import SimpleNamespace

import pytest
import torch

from datamodules import Digits
from datamodules.base import Selection, TensorSplit, seeded_split
from networks.errors import InputError


def test_seeded_split_deals_out_everything_once() -> None:
    parts = seeded_split(101, {"train": 0.6, "val": 0.15, "test": 0.25}, seed=3)
    assert sorted(torch.cat(list(parts.values())).tolist()) == list(range(101))
    again = seeded_split(101, {"train": 0.6, "val": 0.15, "test": 0.25}, seed=3)
    other = seeded_split(101, {"train": 0.6, "val": 0.15, "test": 0.25}, seed=4)
    assert torch.equal(parts["test"], again["test"]) and not torch.equal(parts["test"], other["test"])


def test_fractions_must_add_up() -> None:
    with pytest.raises(InputError, match="add up to 1"):
        seeded_split(10, {"train": 0.9, "val": 0.3, "test": 0.1}, 0)


def test_uint8_images_become_unit_floats() -> None:
    batch = TensorSplit(torch.tensor([[0], [51], [255]], dtype=torch.uint8), torch.zeros(3)).__getitems__([2, 1])
    assert batch["x"].tolist() == [[1.0], [pytest.approx(0.2)]] and batch["index"].tolist() == [2, 1]


def test_selection_keeps_the_position_in_the_split() -> None:
    data = Digits(predict_classes=[4], predict_limit=5, batch_size=3)
    batches = list(data.predict_dataloader())
    index = torch.cat([b["index"] for b in batches])
    assert len(index) == 5 and (torch.cat([b["y"] for b in batches]) == 4).all()
    whole = data.split("test")
    assert torch.equal(torch.cat([b["x"] for b in batches]), whole.x[index])


def test_a_selection_passes_attributes_on() -> None:
    known = torch.arange(10.0).view(5, 2)
    split = TensorSplit(torch.rand(5, 3), torch.zeros(5), attributes=known)
    selection = Selection(split, torch.tensor([4, 1, 2]))
    assert torch.equal(selection.attributes, known[[4, 1, 2]])
    assert torch.equal(selection.__getitems__([2, 0])["attributes"], known[[2, 4]])
    assert Selection(TensorSplit(split.x, split.y), torch.tensor([0])).attributes is None
    assert split.fingerprint() != TensorSplit(split.x, split.y, attributes=known + 1).fingerprint()


@pytest.mark.parametrize(("ranks", "batches", "least"), [(1, 16, 64), (2, 8, 64), (17, 1, 64), (18, 1, 60)])
def test_a_rank_with_less_than_a_batch_trains_on_what_it_has(ranks: int, batches: int, least: int) -> None:
    """1,078 samples in batches of 64: a short last one goes where there are others, and stays where there are none."""
    data = Digits(batch_size=64)
    data.trainer = SimpleNamespace(world_size=ranks, global_rank=ranks - 1)  # type: ignore[assignment]
    sizes = [len(batch["y"]) for batch in data.train_dataloader()]
    assert len(sizes) == batches and min(sizes) == least


def test_selection_errors() -> None:
    with pytest.raises(InputError, match=r"predict_classes names \[10\]; the classes are 0, 1, 2, .*, 9$"):
        Digits(predict_classes=[10]).predict_dataloader()
    with pytest.raises(InputError, match="predict_limit must be positive; got 0"):
        Digits(predict_limit=0).predict_dataloader()


@pytest.mark.parametrize(
    ("names", "asked", "found"),
    [
        (["cat", "dog"], ["dog"], {1}),
        (["cat", "dog"], [0, "dog"], {0, 1}),
        (["cat", "dog"], ["1"], {1}),
        (["1", "10", "2"], [1, 2], {0, 2}),
        (["1", "10", "2"], ["10"], {1}),
        (["2 dogs", "1"], [1], {1}),
    ],
)
def test_classes_are_named_or_numbered(names: list[str], asked: list[str | int], found: set[int]) -> None:
    data = Digits(predict_classes=asked)
    data.class_names, data.num_classes = names, len(names)
    assert set(data.predict_selection().y.tolist()) == found


@pytest.mark.parametrize(
    ("names", "asked", "sentence"),
    [
        (["cat", "dog"], ["cow", 2], r"names \['cow', 2\]; the classes are 0 \(cat\), 1 \(dog\)$"),
        (["cat", "dog"], [-1], r"names \[-1\]; the classes are 0 \(cat\), 1 \(dog\)$"),
        (["1", "10", "2"], [0], r"names \[0\]; the classes are 1, 10, 2$"),
        ([f"c{i}" for i in range(1000)], ["c"], r"the classes are 0 \(c0\), .*, 11 \(c11\) …$"),
    ],
)
def test_classes_that_are_unknown(names: list[str], asked: list[str | int], sentence: str) -> None:
    data = Digits(predict_classes=asked)
    data.class_names, data.num_classes = names, len(names)
    with pytest.raises(InputError, match=sentence):
        data.predict_selection()


class Older:
    """A split as a user wrote it before there were attributes."""

    y = torch.arange(4)

    def __len__(self) -> int:
        return 4

    def __getitems__(self, positions: Sequence[int]) -> dict[str, torch.Tensor]:
        index = torch.as_tensor(positions)
        return {"x": torch.zeros(len(index), 3), "y": self.y[index], "index": index}


def test_a_split_of_somebody_elses_need_not_know_of_attributes() -> None:
    chosen = Selection(Older(), torch.tensor([2, 0]))  # type: ignore[arg-type]
    assert chosen.attributes is None and chosen.__getitems__([0])["y"].tolist() == [2]
