from pathlib import Path

import pytest

from datamodules.folders.attributes import read_attributes
from networks.errors import InputError

FILE = "3\nBald Hat Young\n1.jpg  1 -1 -1\n2.jpg -1  1 -1\n3.jpg -1 -1  1\n"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    (tmp_path / "attributes.txt").write_text(FILE)
    return tmp_path / "attributes.txt"


@pytest.mark.parametrize(
    ("attributes", "has"),
    [
        (["Bald"], [[1], [0], [0]]),
        (["Hat"], [[0], [1], [0]]),
        (["Young", "Bald"], [[0, 1], [0, 0], [1, 0]]),
        (["Hat", "Hat"], [[0, 0], [1, 1], [0, 0]]),
        ([], [[], [], []]),
    ],
)
def test_columns_of_the_attributes_in_the_order_asked(file: Path, attributes: list[str], has: list[list[int]]) -> None:
    assert read_attributes(file, attributes) == dict(zip(["1.jpg", "2.jpg", "3.jpg"], has, strict=True))


def test_unknown_attributes_are_listed_with_what_there_is(file: Path) -> None:
    with pytest.raises(InputError, match=r"unknown attribute 'Blonde': choose of Bald, Hat, Young$"):
        read_attributes(file, ["Hat", "Blonde"])
    with pytest.raises(InputError, match="unknown attribute 'Blonde', 'hat': choose of"):
        read_attributes(file, ["Blonde", "Young", "hat"])


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("2.jpg -1  1 -1", "2.jpg", "line 4: expected an image's name and 3 times 1 or -1; got '2.jpg'"),
        ("1.jpg  1 -1 -1", "1.jpg  1  0 -1", "line 3: expected an image's name and 3 times 1 or -1"),
        ("3\nBald", "4\nBald", "lists 3 images, its first line says 4: fetch it again"),
        ("2.jpg", "1.jpg", "lists 2 images, its first line says 3: fetch it again"),
        ("3\nBald", "Bald", "must begin with the number of images and a line of attributes' names; got 'Bald Hat"),
        (FILE, "", "must begin with the number of images"),
        (FILE, "3\n", "must begin with the number of images"),
    ],
)
def test_broken_file(file: Path, old: str, new: str, message: str) -> None:
    file.write_text(FILE.replace(old, new))
    with pytest.raises(InputError, match=message):
        read_attributes(file, ["Young", "Hat"])
