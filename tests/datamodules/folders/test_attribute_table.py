from pathlib import Path

import pytest
import torch

from datamodules import ImageFolder
from datamodules.folders.attribute_table import read_table
from networks import InputError
from tests.support.trees import write_attribute_table, write_image_folder

IMAGES = ["a/1.png", "a/2.png", "b/1.png"]


def written(folder: Path, *rows: str) -> Path:
    file = folder / "attributes.csv"
    file.write_text("\n".join(rows) + "\n")
    return file


def test_rows_are_found_by_path_in_any_order(tmp_path: Path) -> None:
    file = written(
        tmp_path, "file,bald,age", "b/1.png,yes,70", "a/2.png,False,30.5", "./a/1.png,true,20", "c/9.png,1,1"
    )
    table = read_table(IMAGES, file)
    assert table.names == ["bald", "age"] and table.remarks == [
        "1 rows of attributes.csv name files that are not there"
    ]
    assert torch.equal(table.values, torch.tensor([[1, 20], [0, 30.5], [1, 70]]))


def test_signs_become_zero_and_one_and_empty_cells_are_unknown(tmp_path: Path) -> None:
    table = read_table(["1.png", "2.png"], written(tmp_path, "file,hat,tilt", "1.png,-1,", "2.png,1,-1"))
    assert table.values[:, 0].tolist() == [0, 1] and table.values[0, 1].isnan() and table.values[1, 1] == -1


def test_names_alone_do_where_they_are_unique(tmp_path: Path) -> None:
    file = written(tmp_path, "file,hat", "1.png,0", "2.png,1")
    assert read_table(["x/1.png", "y/2.png"], file).values[:, 0].tolist() == [0, 1]
    with pytest.raises(InputError, match=r"'1\.png' is the name of several images"):
        read_table(IMAGES, file)


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        (["file"], "it has one column"),
        (["file,hat", "a/1.png,maybe"], r"line 2: hat must be a number, or true or false; got 'maybe'"),
        (["file,hat", "a/1.png,1", "a/1.png,0"], r"lists 'a/1\.png' twice"),
        (["file,hat,hat", "a/1.png,1,0"], "two columns called"),
        (
            ["file,hat", "gone/1.png,1", "gone/2.png,0"],
            r"no row for 3 of the 3 images, first 'a/1\.png'; its first row is",
        ),
    ],
)
def test_tables_that_cannot_be_meant(rows: list[str], said: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=said):
        read_table(IMAGES, written(tmp_path, *rows))


def test_a_folders_batches_have_their_rows(tmp_path: Path) -> None:
    root = write_image_folder(tmp_path / "images", n=20)
    file = write_attribute_table(tmp_path / "attributes.csv", root)
    data = ImageFolder(str(root), attributes=str(file))
    known = {row.split(",")[0]: [float(v) for v in row.split(",")[1:]] for row in file.read_text().splitlines()[1:]}
    split = data.split("val")
    assert data.attribute_names == ["old", "tilt"]
    batch = split.__getitems__([0, 3])
    names = [split.files[p].relative_to(root).as_posix() for p in (0, 3)]
    assert torch.equal(batch["attributes"], torch.tensor([known[name] for name in names]))
    assert (
        data.attributes_in_words().startswith("2 attributes: old ") and "tilt -5.5 to 4.5" in data.attributes_in_words()
    )
    with pytest.raises(InputError, match="cannot be read as a CSV file"):
        ImageFolder(str(root), attributes=str(tmp_path / "none.csv"))
