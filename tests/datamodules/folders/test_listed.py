from pathlib import Path

import pytest

from datamodules.base import SplitName
from datamodules.folders.listed import listed_splits, required
from networks.errors import InputError
from tests.support.trees import write_jpeg

LABELS: dict[SplitName, dict[str, int]] = {
    "train": {"a/1.jpg": 0, "b/1.jpg": 1, "a/2.jpg": 1},
    "val": {"b/2.jpg": 1, "b/3.jpg": 0},
}
NAMES, SOURCE = ["cat", "dog"], "get it from example.org"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for images in LABELS.values():
        for name, y in images.items():
            write_jpeg(tmp_path / name, 60 + 120 * y, (8, 8, 3))
    return tmp_path


def test_images_and_labels_in_the_order_of_the_list(folder: Path) -> None:
    splits = listed_splits(LABELS, folder, (3, 8, 8), NAMES, SOURCE)
    assert splits["train"].y.tolist() == [0, 1, 1] and splits["val"].y.tolist() == [1, 0]
    assert [bool(x.mean() > 0.5) for x in splits["train"].__getitems__([0, 1, 2])["x"]] == [False, True, True]


def test_attributes_go_by_the_images_names(folder: Path) -> None:
    known = {"b/3.jpg": [0, 0], "a/2.jpg": [1, 1], "a/1.jpg": [0, 1], "b/1.jpg": [1, 0], "b/2.jpg": [0, 1]}
    splits = listed_splits(LABELS, folder, (3, 8, 8), NAMES, SOURCE, known)
    assert splits["train"].attributes.tolist() == [[0, 1], [1, 0], [1, 1]]
    assert splits["val"].__getitems__([1, 0])["attributes"].tolist() == [[0, 0], [0, 1]]
    assert listed_splits(LABELS, folder, (3, 8, 8), NAMES, SOURCE)["val"].attributes is None


def test_missing_images_are_counted_over_all_splits(folder: Path) -> None:
    for name in ("a/2.jpg", "b/3.jpg"):
        (folder / name).unlink()
    with pytest.raises(InputError, match=r"missing: 2 of the 5 listed images, first '.*a/2.jpg': get it from"):
        listed_splits(LABELS, folder, (3, 8, 8), NAMES, SOURCE)


def test_missing_folder(folder: Path) -> None:
    (folder / "b").rename(folder / "elsewhere")
    with pytest.raises(InputError, match=r"missing: 3 of the 5 listed images"):
        listed_splits(LABELS, folder, (3, 8, 8), NAMES, SOURCE)


def test_split_without_a_class(folder: Path) -> None:
    labels: dict[SplitName, dict[str, int]] = {"train": LABELS["train"], "val": {"b/2.jpg": 1}}
    with pytest.raises(InputError, match="none of the 1 images of the val split is 'cat'"):
        listed_splits(labels, folder, (3, 8, 8), NAMES, SOURCE)


def test_required(tmp_path: Path) -> None:
    assert required(tmp_path, SOURCE) == tmp_path
    with pytest.raises(InputError, match=r"no '.*labels.csv': get it from example.org"):
        required(tmp_path / "labels.csv", SOURCE)
