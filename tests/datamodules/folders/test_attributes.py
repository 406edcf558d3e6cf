from pathlib import Path

import pytest

from datamodules.folders.attributes import read_attribute
from networks.errors import InputError

FILE = "3\nBald Hat Young\n1.jpg  1 -1 -1\n2.jpg -1  1 -1\n3.jpg -1 -1  1\n"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    (tmp_path / "attributes.txt").write_text(FILE)
    return tmp_path / "attributes.txt"


@pytest.mark.parametrize(("attribute", "has"), [("Bald", [1, 0, 0]), ("Hat", [0, 1, 0]), ("Young", [0, 0, 1])])
def test_column_of_the_attribute(file: Path, attribute: str, has: list[int]) -> None:
    assert read_attribute(file, attribute) == dict(zip(["1.jpg", "2.jpg", "3.jpg"], has, strict=True))


def test_unknown_attribute_lists_them(file: Path) -> None:
    with pytest.raises(InputError, match="unknown attribute 'Blonde': choose one of Bald, Hat, Young"):
        read_attribute(file, "Blonde")


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
        read_attribute(file, "Hat")
